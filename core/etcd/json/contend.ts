import type { LeaderKey, LeaderResponse } from '../service.ts';
import { type JsonObject, keyJson, keyValueJson, number } from './answers.ts';
import { bytes, count, int64, key, message } from './fields.ts';
import { type Unary, unary } from './unary-of.ts';

const leader = message({ name: key, key, rev: count, lease: int64 });

const leaderKeyJson = ({ name, key: held, rev, lease }: LeaderKey): JsonObject => ({
  name: keyJson(name) || undefined,
  key: keyJson(held) || undefined,
  rev: number(rev),
  lease: number(lease),
});

export const leaderJson = ({ kv }: Pick<LeaderResponse, 'kv'>): JsonObject => ({ kv: kv && keyValueJson(kv) });
export const leaderRequest = message({ name: key });

/** Locks and elections. */
export const CONTEND: Readonly<Record<string, Unary>> = {
  '/v3/lock/lock': unary('Lock', message({ name: key, lease: int64 }), (response) => ({
    key: keyJson(response.key) || undefined,
  })),
  '/v3/lock/unlock': unary('Unlock', message({ key })),
  '/v3/election/campaign': unary('Campaign', message({ name: key, lease: int64, value: bytes }), (response) => ({
    leader: leaderKeyJson(response.leader),
  })),
  '/v3/election/proclaim': unary('Proclaim', message({ leader, value: bytes })),
  '/v3/election/leader': unary('Leader', leaderRequest, leaderJson),
  '/v3/election/resign': unary('Resign', message({ leader })),
};
