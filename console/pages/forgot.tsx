import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { Cli } from '../components/copy.tsx';
import { EmailField, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done } from '../components/states.tsx';
import { useAction } from '../state/use-action.ts';

export function ForgotPage() {
  const [sentTo, setSentTo] = useState<string>();
  const forgot = useAction(async (body: Values) => {
    await ask('/v1/password/forgot', { method: 'POST', body });
    setSentTo(body['email']);
  });
  return (
    <Page title="Set a new password" narrow>
      {sentTo ? (
        <Done>If {sentTo} has an account, a mail with a link is on its way. It is good for an hour.</Done>
      ) : (
        <Form action={forgot} submit="Send me a link">
          <EmailField autoFocus problem={forgot.problem} />
        </Form>
      )}
      <p>
        <a href="/login">Back to the log-in</a>
      </p>
      <Cli>terrane password forgot --email YOU</Cli>
    </Page>
  );
}
