import { createHash } from 'node:crypto';
import type { Lease } from '../keyspace/leases.ts';
import { EtcdError } from './errors.ts';

/** etcd's minimum with its default election timeout: whoever asks for less gets this, seconds. */
const TTL_MIN_SECONDS = 2;
const TTL_MAX_SECONDS = 9_000_000_000;

/** How long a lease of that TTL is granted for, seconds. Throws EtcdError beyond the maximum. */
export function grantedSeconds(ttl: bigint): number {
  if (ttl > BigInt(TTL_MAX_SECONDS)) throw EtcdError.of('leaseTtlTooLarge');
  return Math.max(Number(ttl), TTL_MIN_SECONDS);
}

/** For a client that leaves the choice of the id to us: 63 bits, never 0. `random`: 0 <= x < 1. */
export function randomLeaseId(random: () => number): bigint {
  const part = (bits: number) => BigInt(Math.floor(random() * 2 ** bits));
  return (part(31) << 32n) | part(32) || 1n;
}

/** The choice for a request that may be sent again: the same each time. 0n: it has no id. */
export function leaseIdFor(requestId: string | undefined): bigint {
  if (requestId === undefined) return 0n;
  return BigInt.asUintN(63, createHash('sha256').update(`lease/${requestId}`).digest().readBigUInt64BE()) || 1n;
}

/** In etcd's order: the soonest to expire first. */
export function listLeases(leases: readonly Lease[]): Lease[] {
  return [...leases].sort((a, b) => a.ttlSeconds - b.ttlSeconds || (a.id < b.id ? -1 : 1));
}
