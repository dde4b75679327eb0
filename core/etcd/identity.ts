import { createHash } from 'node:crypto';

/** Who answers: etcd clients compare the ids of clusters and members (uint64). */
export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Those asked for lately: each answer names them. */
const known = new Map<string, Identity>();
const KNOWN_MAX = 1_000;

/** Ids that are the same whoever answers for a cluster. There is one member: the log. */
export function identityOf(cluster: string): Identity {
  let identity = known.get(cluster);
  if (identity) return identity;
  identity = { clusterId: idOf(`cluster/${cluster}`), memberId: idOf(`member/${cluster}`) };
  if (known.size >= KNOWN_MAX) known.clear();
  known.set(cluster, identity);
  return identity;
}

function idOf(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}
