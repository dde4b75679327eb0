import { join } from 'node:path';

/** Where things lie in the agent's data directory (0700). */
export interface Layout {
  readonly data: string;
  readonly identity: string;
  readonly key: string;
  /** Why this host is no node any more; absent while it is one. install.sh joins such a host anew. */
  readonly revoked: string;
  readonly assignment: string;
  readonly memory: string;
  readonly images: string;
  readonly lease: string;
  /** WireGuard's private key, 0600. */
  readonly wireguardKey: string;
  readonly pods: string;
  /** One tmpfs for all secrets: they never reach a disk. */
  readonly secrets: string;
  pod(uid: string): string;
  emptyDir(uid: string, volume: string): string;
  configMap(uid: string, volume: string): string;
  secret(uid: string, volume: string): string;
  terminationMessage(uid: string, container: string, attempt: number): string;
}

export function layoutOf(data: string): Layout {
  const pods = join(data, 'pods');
  const secrets = join(data, 'secrets');
  return {
    data,
    identity: join(data, 'identity.json'),
    key: join(data, 'host.key'),
    revoked: join(data, 'revoked'),
    assignment: join(data, 'assignment.json'),
    memory: join(data, 'memory.json'),
    images: join(data, 'images.json'),
    lease: join(data, 'lease.json'),
    wireguardKey: join(data, 'wireguard.key'),
    pods,
    secrets,
    pod: (uid) => join(pods, uid),
    emptyDir: (uid, volume) => join(pods, uid, 'empty-dir', volume),
    configMap: (uid, volume) => join(pods, uid, 'config-map', volume),
    secret: (uid, volume) => join(secrets, uid, volume),
    terminationMessage: (uid, container, attempt) => join(pods, uid, 'termination', `${container}_${attempt}`),
  };
}
