import { useState } from 'preact/hooks';
import type { ClusterView, TokenView } from '../../core/accounts/api.ts';
import { atLeast, ROLES } from '../../core/accounts/roles.ts';
import { ask } from '../api/http.ts';
import { Badge } from '../components/badge.tsx';
import { Confirm } from '../components/confirm.tsx';
import { Cli, Copyable } from '../components/copy.tsx';
import { Dialog } from '../components/dialog.tsx';
import { Choice, Form, type Values } from '../components/form.tsx';
import { Page } from '../components/page.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { type Column, Table } from '../components/table.tsx';
import { When } from '../components/when.tsx';
import { useMe } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';

export function TokensPage() {
  const tokens = useLoad<{ tokens: readonly TokenView[] }>('/v1/tokens');
  const clusters = useLoad<{ clusters: readonly ClusterView[] }>('/v1/clusters');
  const [creating, setCreating] = useState(false);
  const names = new Map(clusters.data?.clusters.map(({ id, name }) => [id, name]));
  const columns: readonly Column<TokenView>[] = [
    { title: 'Token', cell: ({ id }) => <code>{id}</code> },
    { title: 'For', cell: purposeOf },
    { title: 'Cluster', cell: ({ cluster }) => (cluster ? (names.get(cluster) ?? cluster) : 'all') },
    { title: 'State', cell: ({ state }) => <Badge tone={state === 'active' ? 'good' : 'plain'}>{STATES[state]}</Badge> },
    { title: 'Expires', cell: ({ expiresAt }) => <When at={expiresAt} /> },
    {
      title: '',
      cell: ({ id, state }) =>
        state === 'active' && (
          <Confirm
            verb="Revoke"
            of={id}
            title="Revoke the token?"
            act={async () => {
              await ask(`/v1/tokens/${id}`, { method: 'DELETE' });
              await tokens.reload();
            }}
          >
            <p>
              What uses <code>{id}</code> is refused from its next request on. Hosts that have joined with it stay.
            </p>
          </Confirm>
        ),
    },
  ];
  return (
    <Page
      title="Tokens"
      beside={
        <button type="button" class="primary" onClick={() => setCreating(true)}>
          Create an API token
        </button>
      }
    >
      <p class="quiet">API tokens are for programs and kubectl; join tokens are made with a cluster's join command.</p>
      <Problem problem={tokens.problem} retry={tokens.reload} />
      {!tokens.data && !tokens.problem && <Loading what="the tokens" />}
      {tokens.data?.tokens.length === 0 && (
        <Empty>
          <p>There are no tokens.</p>
        </Empty>
      )}
      {tokens.data && tokens.data.tokens.length > 0 && (
        <Table caption="Tokens" columns={columns} rows={tokens.data.tokens} keyOf={({ id }) => id} />
      )}
      {creating && (
        <CreateToken
          clusters={clusters.data?.clusters ?? []}
          close={() => setCreating(false)}
          created={() => void tokens.reload()}
        />
      )}
      <Cli>
        {['terrane token list', 'terrane token create --kind api --role viewer --expires 30d', 'terrane token revoke ID']}
      </Cli>
    </Page>
  );
}

function purposeOf({ kind, role, uses }: TokenView): string {
  if (kind === 'join') return `hosts, ${uses?.used} of ${uses?.max} joined`;
  return kind === 'api' ? `programs, as ${role}` : 'operating systems, for updates';
}

const STATES = { active: 'Active', used: 'Used up', expired: 'Expired', revoked: 'Revoked' } as const;

interface CreateTokenProps {
  readonly clusters: readonly ClusterView[];
  readonly close: () => void;
  readonly created: () => void;
}

function CreateToken({ clusters, close, created }: CreateTokenProps) {
  const { role: own } = useMe();
  const [secret, setSecret] = useState<string>();
  const create = useAction(async ({ expiresIn, ...scope }: Values) => {
    const body = { kind: 'api', expiresIn: Number(expiresIn), ...scope };
    const token = await ask<TokenView & { secret: string }>('/v1/tokens', { method: 'POST', body });
    setSecret(token.secret);
    created();
  });
  return (
    <Dialog title="Create an API token" close={close}>
      {secret ? (
        <>
          <Copyable text={secret} label="API token" secret />
          <div class="buttons">
            <button type="button" onClick={close}>
              I have it
            </button>
          </div>
        </>
      ) : (
        <Form action={create} submit="Create">
          <Choice
            name="role"
            label="It may do what this role may"
            options={ROLES.filter((role) => atLeast(own, role)).map((role) => [role, role])}
            initial="viewer"
          />
          <Choice
            name="cluster"
            label="In"
            options={[['', 'the whole organisation'], ...clusters.map(({ id, name }) => [id, name] as const)]}
          />
          <Choice
            name="expiresIn"
            label="Expires in"
            options={[
              ['86400', 'a day'],
              ['604800', 'a week'],
              ['2592000', '30 days'],
              ['7776000', '90 days'],
              ['31536000', 'a year'],
            ]}
            initial="2592000"
          />
        </Form>
      )}
    </Dialog>
  );
}
