import type { ImageCredentials } from '../core/ports/image-registry.ts';
import { answered, type AwsClients } from './ecr-calls.ts';
import type { EcrOptions } from './ecr-registry.ts';
import { sessionPolicy } from './ecr-policies.ts';

/** As long as a role may that was assumed from another one, which a function's is: 1 h. The token made with it lasts for 12. */
const SESSION_SECONDS = 3_600;
/** Organisations' credentials that are kept for the next who asks. */
const KEPT_MAX = 1_000;

interface Kept {
  readonly credentials: ImageCredentials;
  readonly since: number;
}

type Options = Pick<EcrOptions, 'host' | 'root' | 'roleArn' | 'clock'> & { readonly clients: AwsClients };

/**
 * Vends what container clients log in with: a session of the role that its policy limits to the organisation's repositories, and with it
 * ECR's token, whose scope is that of the session (https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html). Handed out
 * again until half of its time is over.
 */
export function ecrCredentials(options: Options): (tenant: string, access: 'pull' | 'push') => Promise<ImageCredentials> {
  const { clients, clock, host, roleArn, root } = options;
  const repositories = (tenant: string) => {
    const [partition, , , account] = roleArn.split(':').slice(1);
    const region = /\.ecr\.([^.]+)\./.exec(host)?.[1] ?? '';
    return `arn:${partition}:ecr:${region}:${account}:repository/${root}/${tenant}/*`;
  };
  /** The least recently vended first. */
  const kept = new Map<string, Kept>();
  const vending = new Map<string, Promise<ImageCredentials>>();

  async function vend(tenant: string, access: 'pull' | 'push'): Promise<ImageCredentials> {
    const { sdk, client } = await clients.sts();
    const command = new sdk.AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: `${access}-${tenant}`,
      DurationSeconds: SESSION_SECONDS,
      Policy: sessionPolicy(repositories(tenant), access),
    });
    const { Credentials } = await answered(client.send(command));
    const { AccessKeyId, SecretAccessKey, SessionToken } = Credentials!;
    const session = await clients.ecrWith({
      accessKeyId: AccessKeyId!,
      secretAccessKey: SecretAccessKey!,
      sessionToken: SessionToken!,
    });
    try {
      const { authorizationData } = await answered(session.client.send(new session.sdk.GetAuthorizationTokenCommand({})));
      const { authorizationToken, expiresAt } = authorizationData![0]!;
      const [username, password] = Buffer.from(authorizationToken!, 'base64').toString('utf8').split(':') as [string, string];
      return { registry: host, username, password, expiresAt: expiresAt!.getTime() };
    } finally {
      session.client.destroy();
    }
  }

  return async (tenant, access) => {
    const id = `${access} ${tenant}`;
    const found = kept.get(id);
    const now = clock.now();
    if (found && now >= found.since && now - found.since < (found.credentials.expiresAt - found.since) / 2)
      return found.credentials;
    let running = vending.get(id);
    if (!running) {
      running = vend(tenant, access).finally(() => vending.delete(id));
      vending.set(id, running);
    }
    const credentials = await running;
    kept.delete(id);
    kept.set(id, { credentials, since: now });
    if (kept.size > KEPT_MAX) kept.delete(kept.keys().next().value!);
    return credentials;
  };
}
