import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import type { LoginView } from '../../core/accounts/api.ts';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { EmailField, Field, Form, PasswordField, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Providers } from '../components/providers.tsx';
import { Problem } from '../components/states.tsx';
import { useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { problemOf } from './login.tsx';

export function SignupPage() {
  const { me, refresh } = useSession();
  const { query, route } = useLocation();
  const invitation = location.hash.slice(1) || undefined;
  const form = useRef<HTMLDivElement>(null);
  const signUp = useAction(async (values: Values) => {
    const body = { ...values, cookie: true, ...(invitation ? { invitation } : {}) };
    await ask<LoginView>('/v1/signup', { method: 'POST', body });
    await refresh();
  });
  useEffect(() => {
    if (me) route('/', true);
  }, [me]);
  return (
    <Page title="Create an account" narrow>
      <Problem problem={problemOf(query['problem'])} />
      <p>{invitation ? 'You join the organisation that has invited you.' : 'The first 10 nodes are free.'}</p>
      <div ref={form}>
        <Form action={signUp} submit="Create the account">
          {!invitation && (
            <Field
              name="organisation"
              label="Organisation"
              required
              autoFocus
              maxLength={64}
              autocomplete="organization"
              hint="Your team or company. Others can be invited to it."
              problem={signUp.problem}
            />
          )}
          <EmailField autoFocus={invitation !== undefined} problem={signUp.problem} />
          <PasswordField fresh problem={signUp.problem} />
        </Form>
      </div>
      <Providers
        verb="Sign up"
        start={() => {
          if (invitation) return { invitation };
          const organisation = form.current?.querySelector<HTMLInputElement>('[name=organisation]');
          // The browser shows what is missing.
          return organisation?.reportValidity() ? { organisation: organisation.value } : undefined;
        }}
      />
      <p>
        You have one? <a href={`/login${location.hash}`}>Log in</a>
      </p>
      <Cli>{`terrane signup --server ${location.origin} --email YOU --org NAME`}</Cli>
    </Page>
  );
}
