import { createHash } from 'node:crypto';

/** Who answers: etcd clients compare the ids of clusters and members (uint64). */
export interface Identity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

/** Ids that are the same whoever answers for a cluster. There is one member: the log. */
export function identityOf(cluster: string): Identity {
  return { clusterId: idOf(`cluster/${cluster}`), memberId: idOf(`member/${cluster}`) };
}

function idOf(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}
