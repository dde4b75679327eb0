import type { Key, KeyValue, Revision } from '../../keyspace/types.ts';
import { CODE, type Code, EtcdError } from '../errors.ts';
import { deleteOf, prefixEnd, rangeOf } from '../build-requests.ts';
import type { Operation, RangeRequest } from '../requests.ts';
import type { EtcdCaller, EtcdService } from '../service.ts';

/**
 * Waiting one's turn, as etcd's concurrency package does: everyone puts a key `<name>/<lease in hex>`, and whose was created first has its
 * turn (https://github.com/etcd-io/etcd/tree/release-3.4/clientv3/concurrency).
 */
export type Store = Pick<EtcdService, 'call' | 'watch'>;

/**
 * etcd's lock and election services are clients of etcd themselves, and what they are refused reaches their own clients with the code of
 * unknown errors.
 */
export function asContender(service: Store): Store {
  return {
    async call(method, request, caller) {
      try {
        return await service.call(method, request, caller);
      } catch (error) {
        const passing = error instanceof EtcdError && PASSED_ON.has(error.code);
        throw error instanceof EtcdError && !passing ? new EtcdError(CODE.unknown, error.message) : error;
      }
    },
    watch: (caller) => service.watch(caller),
  };
}

/** By these clients know that trying again may help. */
const PASSED_ON: ReadonlySet<Code> = new Set([CODE.unavailable, CODE.canceled, CODE.internal]);

/** Of a lease that the client leaves to us, seconds: etcd's. */
const SESSION_TTL = 60n;

export const prefixOf = (name: Key): Key => `${name}/`;

export function keyOf(name: Key, lease: bigint): Key {
  return `${prefixOf(name)}${lease.toString(16)}`;
}

/** The lease that a key is put with: the client's, or a new one. */
export async function leaseOf(store: Store, lease: bigint, caller: EtcdCaller): Promise<bigint> {
  return lease || (await store.call('LeaseGrant', { id: 0n, ttl: SESSION_TTL }, caller)).id;
}

/** The first comer under a prefix. */
export function firstUnder(prefix: Key): RangeRequest {
  return rangeOf(prefix, { rangeEnd: prefixEnd(prefix), sortTarget: 'CREATE', sortOrder: 'ASCEND', limit: 1 });
}

/** Ends when no key under the prefix is left that was created at `maxCreateRevision` or before. Returns the store's revision then. */
export async function waitDeletes(store: Store, prefix: Key, maxCreateRevision: Revision, caller: EtcdCaller): Promise<Revision> {
  for (;;) {
    const last = { sortTarget: 'CREATE', sortOrder: 'DESCEND', limit: 1 } as const;
    const { kvs, revision } = await store.call(
      'Range',
      rangeOf(prefix, { rangeEnd: prefixEnd(prefix), ...last, maxCreateRevision }),
      caller,
    );
    const [before] = kvs;
    if (!before) return revision;
    await waitDelete(store, before.key, revision, caller);
  }
}

async function waitDelete(store: Store, key: Key, revision: Revision, caller: EtcdCaller): Promise<void> {
  for await (const { type } of eventsOf(store, { key, rangeEnd: '' }, revision + 1, caller)) if (type === 'delete') return;
}

/** What happens in a range from a revision on, until the caller is gone: that is an error. */
export async function* eventsOf(
  store: Store,
  range: { readonly key: Key; readonly rangeEnd: Key },
  startRevision: Revision,
  caller: EtcdCaller,
): AsyncGenerator<{ readonly type: 'put' | 'delete'; readonly kv: KeyValue; readonly revision: Revision }> {
  const session = store.watch(caller);
  try {
    const request = { ...range, startRevision, progressNotify: false, filters: [], prevKv: false, watchId: 0, fragment: false };
    session.send({ type: 'create', request });
    for await (const { events = [], canceled, cancelReason, compactRevision } of session.answers) {
      if (compactRevision !== undefined) throw EtcdError.of('compacted');
      if (canceled) throw new EtcdError(CODE.unknown, cancelReason ?? 'etcdserver: watch canceled');
      for (const { type, kv } of events) yield { type, kv, revision: kv.modRevision };
    }
  } finally {
    session.close();
  }
  throw new EtcdError(CODE.canceled, 'context canceled');
}

/** Gives up waiting: not by the caller's signal, which may be the reason. */
export async function giveUp(store: Store, key: Key, { token, superuser }: EtcdCaller): Promise<void> {
  await store.call('DeleteRange', deleteOf(key), { token, superuser });
}

export const rangeOperation = (request: RangeRequest): Operation => ({ type: 'range', request });
