import type { LeaderKey, LeaderResponse } from '../service.ts';
import { always, bytes, count, int64, key, optional } from './fields.ts';
import { header } from './header.ts';
import { keyValue } from './key-value.ts';
import { type Codec, message } from './message.ts';

/** v3lockpb.Lock and v3electionpb.Election. Names are bytes, as they become part of keys. */

export const lockRequest = message({ name: key(1), lease: int64(2) });
export const lockResponse = message({ revision: header, key: key(2) });
export const unlockRequest = message({ key: key(1) });

const leaderKey: Codec<LeaderKey> = message({ name: key(1), key: key(2), rev: count(3), lease: int64(4) });
const NO_LEADER: LeaderKey = { name: '', key: '', rev: 0, lease: 0n };

export const campaignRequest = message({ name: key(1), lease: int64(2), value: bytes(3) });
export const campaignResponse = message({ revision: header, leader: always(2, leaderKey, NO_LEADER) });
export const proclaimRequest = message({ leader: always(1, leaderKey, NO_LEADER), value: bytes(2) });
/** Of Leader and Observe. */
export const electionRequest = message({ name: key(1) });
export const leaderResponse: Codec<LeaderResponse> = message({ revision: header, kv: optional(2, keyValue) });
export const resignRequest = message({ leader: always(1, leaderKey, NO_LEADER) });
