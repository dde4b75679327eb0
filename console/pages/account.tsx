import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import type { SessionView } from '../../core/accounts/api.ts';
import { ask } from '../api/http.ts';
import { Badge } from '../components/badge.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Cli } from '../components/copy.tsx';
import { Form, PasswordField, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { leaveFor, useProviders } from '../components/providers.tsx';
import { Done, Loading, Problem } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { When } from '../components/when.tsx';
import { useMe, useSession } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';
import { problemOf } from './login.tsx';

export function AccountPage() {
  const { user, role, organisation, organisations } = useMe();
  const { query } = useLocation();
  const others = organisations.filter(({ id }) => id !== organisation.id);
  return (
    <Page title="Account">
      <Problem problem={problemOf(query['problem'])} />
      <p>
        {user.email} is {role} of {organisation.name}.
      </p>
      {others.length > 0 && (
        <p>
          Also a member of{' '}
          {others.map(({ id, name }) => (
            <span key={id} class="name">
              {name}{' '}
            </span>
          ))}
          <span class="quiet">(sign out, and log in there)</span>
        </p>
      )}
      <Sessions />
      <Linked />
      {user.password ? (
        <Password />
      ) : (
        <section aria-labelledby="password">
          <h2 id="password">Password</h2>
          <p>
            You have none: you come by a login provider. <a href="/forgot">Set one by mail</a> if you want one, too.
          </p>
        </section>
      )}
    </Page>
  );
}

function Sessions() {
  const { lost } = useSession();
  const { data, problem, reload } = useLoad<{ sessions: readonly SessionView[] }>('/v1/sessions');
  const columns: readonly Column<SessionView>[] = [
    {
      title: 'Logged in',
      cell: ({ createdAt, ip, current }) => (
        <>
          <When at={createdAt} /> {ip && <span class="quiet">from {ip}</span>} {current && <Badge tone="good">This one</Badge>}
        </>
      ),
    },
    { title: 'Organisation', cell: ({ organisation }) => organisation },
    { title: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
    {
      title: '',
      cell: ({ id, current }) => (
        <Confirm
          verb="End"
          of={`session ${id}`}
          title={current ? 'End this session?' : 'End the session?'}
          act={async () => {
            await ask(`/v1/sessions/${id}`, { method: 'DELETE' });
            if (current) lost();
            else await reload();
          }}
        >
          <p>{current ? 'You are logged out here.' : 'Whoever uses it must log in again.'}</p>
        </Confirm>
      ),
    },
  ];
  return (
    <section aria-labelledby="sessions">
      <h2 id="sessions">Sessions</h2>
      <Problem problem={problem} retry={reload} />
      {!data && !problem && <Loading what="your sessions" />}
      {data && <Table caption="Your sessions" columns={columns} rows={data.sessions} keyOf={({ id }) => id} />}
      <Cli>{['terrane session list', 'terrane session revoke ID']}</Cli>
    </section>
  );
}

/** Login providers of this account. */
function Linked() {
  const { user } = useMe();
  const { refresh } = useSession();
  const providers = useProviders();
  const link = useAction((id: string) => leaveFor(id, { link: true, next: '/account' }));
  if (providers.length === 0) return null;
  return (
    <section aria-labelledby="linked">
      <h2 id="linked">Other ways to log in</h2>
      <Problem problem={link.problem} />
      <ul class="lines">
        {providers.map(({ id, name }) => (
          <li key={id}>
            <span class="name">{name}</span>{' '}
            {user.linked.includes(id) ? (
              <Confirm
                verb="Unlink"
                of={name}
                title={`Unlink ${name}?`}
                act={async () => {
                  await ask(`/v1/oidc/${id}`, { method: 'DELETE' });
                  await refresh();
                }}
              >
                <p>You can no longer log in with it. Sessions that are open stay.</p>
              </Confirm>
            ) : (
              <button type="button" disabled={link.busy} onClick={() => void link.run(id)}>
                Link<span class="sr-only"> {name}</span>
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}

function Password() {
  const [changed, setChanged] = useState(false);
  const change = useAction(async (body: Values) => {
    setChanged(false);
    await ask('/v1/password', { method: 'POST', body });
    setChanged(true);
  });
  return (
    <section aria-labelledby="password">
      <h2 id="password">Password</h2>
      <Form action={change} submit="Change the password">
        <div class="row">
          <PasswordField name="current" label="Present password" problem={change.problem} />
          <PasswordField fresh label="New password" problem={change.problem} />
        </div>
      </Form>
      {changed && <Done>Changed. Your other sessions have ended.</Done>}
      <Cli>terrane password change</Cli>
    </section>
  );
}
