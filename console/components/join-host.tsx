import { useState } from 'preact/hooks';
import type { ClusterView, ServerInfo, TokenView } from '../../core/accounts/api.ts';
import { isLocal, joinCommand } from '../../core/accounts/join-command.ts';
import { ask, send } from '../api/http.ts';
import { plural } from '../format.ts';
import { useAction } from '../state/use-action.ts';
import { Cli, Copyable } from './copy.tsx';
import { Choice, Field, Form, type Values } from './form.tsx';
import { When } from './when.tsx';

interface JoinHostProps {
  readonly cluster: ClusterView;
  /** A command was made: from now on hosts may arrive. */
  readonly made: () => void;
}

/** Makes the one command that a host is joined with. The secret in it is shown here and nowhere else. */
export function JoinHost({ cluster, made }: JoinHostProps) {
  const [join, setJoin] = useState<{ command: string; token: TokenView; local: boolean }>();
  const create = useAction(async ({ uses, expiresIn }: Values) => {
    const [info, sha256] = await Promise.all([ask<ServerInfo>('/v1/info'), scriptSha256()]);
    const body = { kind: 'join', cluster: cluster.id, uses: Number(uses), expiresIn: Number(expiresIn) };
    const token = await ask<TokenView & { secret: string }>('/v1/tokens', { method: 'POST', body });
    setJoin({ command: joinCommand(info, sha256, token), token, local: isLocal(info.url) });
    made();
  });
  const cli = <Cli>{`terrane token create --kind join --cluster ${cluster.name}`}</Cli>;
  if (!join) {
    return (
      <>
        <Form action={create} submit="Make the join command">
          <div class="row">
            <Field
              name="uses"
              label="Hosts"
              type="number"
              min={1}
              max={1000}
              defaultValue="1"
              required
              problem={create.problem}
            />
            <Choice
              name="expiresIn"
              label="Good for"
              options={[
                ['3600', 'an hour'],
                ['86400', 'a day'],
                ['604800', 'a week'],
              ]}
            />
          </div>
        </Form>
        {cli}
      </>
    );
  }
  return (
    <>
      <p>
        Run this as root on the host. It is good for {plural(join.token.uses?.max ?? 1, 'host')} and expires{' '}
        <When at={join.token.expiresAt} />.
      </p>
      <Copyable text={join.command} label="join command" secret />
      {join.local && (
        <p class="notice">
          This control plane answers on this machine only. For other hosts start it with --tls-listen 0.0.0.0:7443 --host NAME.
        </p>
      )}
      <button type="button" onClick={() => setJoin(undefined)}>
        Make another
      </button>
      {cli}
    </>
  );
}

/** The command carries the script's checksum as this browser gets it: it knows the server, the host doesn't yet. */
async function scriptSha256(): Promise<string> {
  const script = await (await send('/install.sh', { accept: '*/*' })).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', script));
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
