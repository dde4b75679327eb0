import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import { ask } from '../api/http.ts';
import { useMay, useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { Done, Problem } from './states.tsx';
import { useState } from 'preact/hooks';

export function Layout({ children }: { readonly children: ComponentChildren }) {
  const { me } = useSession();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the content
      </a>
      <header>
        <a class="brand" href="/">
          Terrane
        </a>
        {me && <Navigation />}
      </header>
      <main id="main">
        {me && !me.user.verified && <Unverified email={me.user.email} />}
        {children}
      </main>
    </>
  );
}

function Navigation() {
  const { me, lost } = useSession();
  const { path, route } = useLocation();
  const mayAudit = useMay('admin');
  const logOut = useAction(async () => {
    await ask('/v1/logout', { method: 'POST' });
    lost();
    route('/login', true);
  });
  const links = [
    ['/', 'Clusters'],
    ['/tokens', 'Tokens'],
    ['/members', 'Members'],
    ...(mayAudit ? [['/audit', 'Audit']] : []),
    ['/organisation', 'Organisation'],
    ['/account', 'Account'],
  ] as const;
  const here = (link: string) => path === link || (link === '/' && (path.startsWith('/cluster/') || path === '/new-cluster'));
  return (
    <>
      <nav aria-label="Console">
        {links.map(([link = '/', words]) => (
          <a key={link} href={link} aria-current={here(link) ? 'page' : undefined}>
            {words}
          </a>
        ))}
      </nav>
      <div class="who">
        <span class="org" title={me?.user.email}>
          {me?.organisation.name}
        </span>
        <button type="button" disabled={logOut.busy} onClick={() => void logOut.run()}>
          Sign out
        </button>
      </div>
      <Problem problem={logOut.problem} />
    </>
  );
}

function Unverified({ email }: { readonly email: string }) {
  const { refresh } = useSession();
  const [sent, setSent] = useState(false);
  const resend = useAction(async () => {
    const answer = await ask<{ sent: boolean }>('/v1/verify/resend', { method: 'POST' });
    setSent(answer.sent);
    // It was verified meanwhile, elsewhere.
    if (!answer.sent) await refresh();
  });
  return (
    <aside class="notice" aria-label="E-mail address">
      <p>
        Your address <strong>{email}</strong> is not verified yet: open the link in the mail that we sent you.
      </p>
      <Problem problem={resend.problem} />
      {sent ? (
        <Done>Another mail is on its way.</Done>
      ) : (
        <button type="button" disabled={resend.busy} onClick={() => void resend.run()}>
          Send it again
        </button>
      )}
    </aside>
  );
}
