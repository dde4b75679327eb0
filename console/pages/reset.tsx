import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { Field, Form, PasswordField, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done } from '../components/states.tsx';
import { useAction } from '../state/use-action.ts';

/** The mailed link has the token in its fragment, which is in no server's log. */
export function ResetPage() {
  const token = location.hash.slice(1);
  const [email, setEmail] = useState<string>();
  const reset = useAction(async (values: Values) => {
    const answer = await ask<{ email: string }>('/v1/password/reset', { method: 'POST', body: { token, ...values } });
    history.replaceState(null, '', '/reset');
    setEmail(answer.email);
  });
  return (
    <Page title="Choose a new password" narrow>
      {email ? (
        <>
          <Done>The new password of {email} is set, and all its sessions have ended.</Done>
          <p>
            <a class="button primary" href={`/login?${new URLSearchParams({ email })}`}>
              Log in
            </a>
          </p>
        </>
      ) : (
        <Form action={reset} submit="Set the password">
          {!token && <Field name="token" label="Token from the mail" required autocomplete="off" />}
          <PasswordField fresh autoFocus label="New password" problem={reset.problem} />
        </Form>
      )}
    </Page>
  );
}
