import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { Form } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done } from '../components/states.tsx';
import { useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';

/** The mailed link of an invitation: for new people, and for those who have an account. */
export function InvitePage() {
  const { me, refresh } = useSession();
  const token = location.hash.slice(1);
  const [joined, setJoined] = useState<string>();
  const accept = useAction(async () => {
    const { organisation } = await ask<{ organisation: string }>('/v1/members/accept', { method: 'POST', body: { token } });
    await refresh();
    setJoined(organisation);
  });
  const name = me?.organisations.find(({ id }) => id === joined)?.name;
  return (
    <Page title="You are invited" narrow>
      {!token ? (
        <p>The invitation is missing: open the link in the mail, all of it.</p>
      ) : joined ? (
        <>
          <Done>You are now a member of {name ?? 'the organisation'}.</Done>
          <p>
            A log-in is for one organisation. To work in this one, <a href={`/account`}>log in to it</a>.
          </p>
        </>
      ) : me ? (
        <>
          <p>You are logged in as {me.user.email}.</p>
          <Form action={accept} submit="Accept the invitation">
            {null}
          </Form>
        </>
      ) : (
        <div class="buttons">
          <a class="button primary" href={`/signup#${token}`}>
            Create an account
          </a>
          <a class="button" href={`/login#${token}`}>
            Log in with mine
          </a>
        </div>
      )}
    </Page>
  );
}
