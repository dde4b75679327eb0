import { CODE, EtcdError } from '../errors.ts';
import { createdAt, deleteOf, putOf, rangeOf } from '../build-requests.ts';
import { firstUnder, giveUp, keyOf, leaseOf, prefixOf, rangeOperation, type Store, waitDeletes } from './contend.ts';
import type { Methods } from './methods.ts';

/** v3lockpb.Lock. */
export function lockMethods(store: Store): Pick<Methods, 'Lock' | 'Unlock'> {
  return {
    async Lock({ name, lease: wanted }, caller) {
      const lease = await leaseOf(store, wanted, caller);
      const key = keyOf(name, lease);
      const first = rangeOperation(firstUnder(prefixOf(name)));
      const { revision, succeeded, responses } = await store.call(
        'Txn',
        {
          compare: [createdAt(key, 0)],
          success: [{ type: 'put', request: putOf(key, new Uint8Array(0), { lease }) }, first],
          failure: [rangeOperation(rangeOf(key)), first],
        },
        caller,
      );
      const [mine, owner] = responses.map((each) => (each.type === 'range' ? each.response.kvs[0] : undefined));
      const since = succeeded ? revision : mine!.createRevision;
      if (!owner || owner.createRevision === since) return { revision, key };
      try {
        await waitDeletes(store, prefixOf(name), since - 1, caller);
        const held = await store.call('Range', rangeOf(key), caller);
        // The lease ended while we waited: nobody may take the lock without a key.
        if (held.kvs.length === 0) throw new EtcdError(CODE.unknown, 'mutex: session is expired');
        return { revision: held.revision, key };
      } catch (error) {
        await giveUp(store, key, caller);
        throw error;
      }
    },
    async Unlock({ key }, caller) {
      const { revision } = await store.call('DeleteRange', deleteOf(key), caller);
      return { revision };
    },
  };
}
