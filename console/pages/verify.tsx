import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { Field, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done } from '../components/states.tsx';
import { useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';

/** A button, not at once: programs that look through mail open links, and would verify addresses that nobody reads. */
export function VerifyPage() {
  const { me, refresh } = useSession();
  const token = location.hash.slice(1);
  const [email, setEmail] = useState<string>();
  const verify = useAction(async (values: Values) => {
    const answer = await ask<{ email: string }>('/v1/verify', { method: 'POST', body: { token, ...values } });
    history.replaceState(null, '', '/verify');
    setEmail(answer.email);
    if (me) await refresh();
  });
  return (
    <Page title="Verify your e-mail address" narrow>
      {email ? (
        <>
          <Done>Thank you: {email} is verified.</Done>
          <p>
            <a class="button primary" href={me ? '/' : '/login'}>
              {me ? 'Go on' : 'Log in'}
            </a>
          </p>
        </>
      ) : (
        <>
          <p>This shows us that the address is yours.</p>
          <Form action={verify} submit="Verify">
            {!token && <Field name="token" label="Token from the mail" required autocomplete="off" />}
          </Form>
          <Cli>terrane verify TOKEN</Cli>
        </>
      )}
    </Page>
  );
}
