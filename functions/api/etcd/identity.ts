import { createHash } from 'node:crypto';
import type { Identity } from '../../../core/etcd/json/answers.ts';

/** Ids that are the same whoever answers for a cluster. There is one member: the log. */
export function identityOf(cluster: string): Identity {
  return { clusterId: idOf(`cluster/${cluster}`), memberId: idOf(`member/${cluster}`) };
}

function idOf(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE();
}
