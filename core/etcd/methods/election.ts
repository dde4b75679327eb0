import { EtcdError } from '../errors.ts';
import { createdAt, deleteOf, prefixEnd, putOf, rangeOf } from '../build-requests.ts';
import type { EtcdCaller, LeaderKey, LeaderResponse } from '../service.ts';
import { eventsOf, firstUnder, giveUp, keyOf, leaseOf, prefixOf, rangeOperation, type Store, waitDeletes } from './contend.ts';
import type { Methods } from './methods.ts';

/** v3electionpb.Election. */
export function electionMethods(store: Store): Pick<Methods, 'Campaign' | 'Proclaim' | 'Leader' | 'Resign'> {
  async function proclaim({ key, rev, lease }: LeaderKey, value: Uint8Array, caller: EtcdCaller) {
    const { revision, succeeded } = await store.call(
      'Txn',
      {
        compare: [createdAt(key, rev)],
        success: [{ type: 'put', request: putOf(key, value, { lease }) }],
        failure: [],
      },
      caller,
    );
    if (!succeeded) throw EtcdError.of('electionNotLeader');
    return { revision };
  }

  return {
    async Campaign({ name, lease: wanted, value }, caller) {
      const lease = await leaseOf(store, wanted, caller);
      const key = keyOf(name, lease);
      const { revision, succeeded, responses } = await store.call(
        'Txn',
        {
          compare: [createdAt(key, 0)],
          success: [{ type: 'put', request: putOf(key, value, { lease }) }],
          failure: [rangeOperation(rangeOf(key))],
        },
        caller,
      );
      const [answer] = responses;
      const mine = answer?.type === 'range' ? answer.response.kvs[0] : undefined;
      const leader: LeaderKey = { name, key, rev: succeeded ? revision : mine!.createRevision, lease };
      try {
        if (mine && Buffer.compare(mine.value, value) !== 0) await proclaim(leader, value, caller);
        await waitDeletes(store, prefixOf(name), leader.rev - 1, caller);
      } catch (error) {
        await giveUp(store, key, caller);
        throw error;
      }
      return { revision, leader };
    },
    Proclaim: ({ leader, value }, caller) => proclaim(leader, value, caller),
    async Leader({ name }, caller) {
      const { kvs, revision } = await store.call('Range', firstUnder(prefixOf(name)), caller);
      if (!kvs[0]) throw EtcdError.of('electionNoLeader');
      return { revision, kv: kvs[0] };
    },
    /** Who doesn't lead has nothing to give up, which is no error. */
    async Resign({ leader }, caller) {
      const { revision } = await store.call(
        'Txn',
        {
          compare: [createdAt(leader.key, leader.rev)],
          success: [{ type: 'deleteRange', request: deleteOf(leader.key) }],
          failure: [],
        },
        caller,
      );
      return { revision };
    },
  };
}

/** Election.Observe: the leader now, then whoever leads and whatever he proclaims, until the caller is gone. */
export async function* observe(store: Store, name: string, caller: EtcdCaller): AsyncGenerator<LeaderResponse> {
  const prefix = prefixOf(name);
  for (;;) {
    const { kvs, revision } = await store.call('Range', firstUnder(prefix), caller);
    let leader = kvs[0];
    let seen = revision;
    if (!leader) {
      for await (const event of eventsOf(store, { key: prefix, rangeEnd: prefixEnd(prefix) }, revision + 1, caller)) {
        if (event.type !== 'put') continue;
        leader = event.kv;
        seen = event.revision;
        break;
      }
    }
    yield { revision: seen, kv: leader };
    for await (const event of eventsOf(store, { key: leader!.key, rangeEnd: '' }, seen + 1, caller)) {
      if (event.type === 'delete') break;
      yield { revision: event.revision, kv: event.kv };
    }
  }
}
