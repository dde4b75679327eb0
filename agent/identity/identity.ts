import type { JoinResponse } from '../../core/node/join.ts';
import { readJson, writeAtomic } from '../files/atomic-file.ts';

/** Who this host is, once it has joined: kept in identity.json. */
export interface Identity {
  readonly hostId: string;
  readonly nodeName: string;
  readonly tenant: string;
  readonly cluster: string;
}

export async function readIdentity(path: string): Promise<Identity | undefined> {
  let found: Partial<Identity> | undefined;
  try {
    found = await readJson<Partial<Identity>>(path);
  } catch (error) {
    throw new Error(`${path} can't be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (found === undefined) return undefined;
  const { hostId, nodeName, tenant, cluster } = found;
  if (!hostId || !nodeName || !tenant || !cluster)
    throw new Error(`${path} is incomplete: restore it, or remove it and join the host again`);
  return { hostId, nodeName, tenant, cluster };
}

export async function writeIdentity(path: string, { hostId, nodeName, tenant, cluster }: JoinResponse): Promise<Identity> {
  const identity: Identity = { hostId, nodeName, tenant, cluster };
  await writeAtomic(path, `${JSON.stringify(identity, null, 2)}\n`, 0o600);
  return identity;
}
