import { useState } from 'preact/hooks';
import type { InvitationView, MemberView } from '../../core/accounts/api.ts';
import { atLeast, ROLES } from '../../core/accounts/roles.ts';
import type { Role } from '../../core/ports/identity.ts';
import { ask } from '../api/http.ts';
import { Confirm } from '../components/confirm.tsx';
import { Choice, EmailField, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Done, Loading, Problem } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { When } from '../components/when.tsx';
import { useMay, useMe, useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';

interface Answer {
  readonly members: readonly MemberView[];
  readonly invitations: readonly InvitationView[];
}

const MEANINGS: Readonly<Record<Role, string>> = {
  owner: 'owner: everything',
  admin: 'admin: clusters, nodes, members, tokens',
  editor: 'editor: workloads',
  viewer: 'viewer: reads, but no secrets',
};

export function MembersPage() {
  const { user, role: own } = useMe();
  const { refresh } = useSession();
  const mayAdmin = useMay('admin');
  const { data, problem, reload } = useLoad<Answer>('/v1/members');
  const change = useAction(async (id: string, role: string) => {
    try {
      await ask(`/v1/members/${id}`, { method: 'PATCH', body: { role } });
    } finally {
      await reload();
      if (id === user.id) await refresh();
    }
  });
  const choices = ROLES.filter((role) => atLeast(own, role));
  const remove = (id: string, email: string, verb: string, words: string) => (
    <Confirm
      verb={verb}
      of={email}
      title={`${verb} ${email}?`}
      act={async () => {
        await ask(`/v1/members/${id}`, { method: 'DELETE' });
        if (id === user.id) await refresh();
        else await reload();
      }}
    >
      <p>{words}</p>
    </Confirm>
  );
  const columns: readonly Column<MemberView>[] = [
    { title: 'E-mail', cell: ({ id, email }) => (id === user.id ? `${email} (you)` : email) },
    {
      title: 'Role',
      cell: ({ id, email, role }) =>
        mayAdmin && atLeast(own, role) ? (
          <select
            aria-label={`Role of ${email}`}
            value={role}
            onChange={(event) => void change.run(id, event.currentTarget.value)}
          >
            {choices.map((choice) => (
              <option key={choice} value={choice}>
                {choice}
              </option>
            ))}
          </select>
        ) : (
          role
        ),
    },
    { title: 'Since', cell: ({ joinedAt }) => <When at={joinedAt} /> },
    {
      title: '',
      cell: ({ id, email, role }) =>
        id === user.id
          ? remove(id, email, 'Leave', 'You lose access to this organisation at once.')
          : mayAdmin && atLeast(own, role) && remove(id, email, 'Remove', 'Access ends at once, for their tokens, too.'),
    },
  ];
  const invitationColumns: readonly Column<InvitationView>[] = [
    { title: 'E-mail', cell: ({ email }) => email },
    { title: 'Role', cell: ({ role }) => role },
    { title: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
    { title: '', cell: ({ id, email }) => mayAdmin && remove(id, email, 'Take back', 'The link in the mail no longer works.') },
  ];
  return (
    <Page title="Members">
      <Problem problem={problem} retry={reload} />
      <Problem problem={change.problem} />
      {!data && !problem && <Loading what="the members" />}
      {data && <Table caption="Members" columns={columns} rows={data.members} keyOf={({ id }) => id} />}
      {mayAdmin && <Invite choices={choices} invited={reload} />}
      {data && data.invitations.length > 0 && (
        <section aria-labelledby="invitations">
          <h2 id="invitations">Invitations</h2>
          <Table caption="Invitations" columns={invitationColumns} rows={data.invitations} keyOf={({ id }) => id} />
        </section>
      )}
    </Page>
  );
}

function Invite({ choices, invited }: { readonly choices: readonly Role[]; readonly invited: () => Promise<void> }) {
  const [sentTo, setSentTo] = useState<string>();
  const invite = useAction(async (body: Values) => {
    setSentTo(undefined);
    await ask('/v1/members', { method: 'POST', body });
    setSentTo(body['email']);
    await invited();
  });
  return (
    <section aria-labelledby="invite">
      <h2 id="invite">Invite someone</h2>
      <Form action={invite} submit="Send the invitation">
        <div class="row">
          <EmailField autocomplete="off" problem={invite.problem} />
          <Choice name="role" label="Role" options={choices.map((role) => [role, MEANINGS[role]])} initial="viewer" />
        </div>
      </Form>
      {sentTo && <Done>A mail with the invitation is on its way to {sentTo}. It is good for 7 days.</Done>}
    </section>
  );
}
