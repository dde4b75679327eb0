import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareOf, deleteOf, putOf, putOp, rangeOf, rangeOp, txnOf, txnOp } from './testing/requests.ts';
import { serviceWorld } from './testing/service.ts';
import type { EtcdService } from './service.ts';

/** The whole service against a model of it: leases and their keys, transactions in transactions, compaction at any time. */

const LETTERS = ['a', 'b', 'c'];
const LEASES = [1n, 2n];

type Action =
  | { readonly do: 'grant' | 'revoke'; readonly lease: bigint }
  | { readonly do: 'put'; readonly letter: string; readonly lease: bigint }
  | { readonly do: 'delete'; readonly letter: string }
  | { readonly do: 'compact'; readonly back: number }
  /** If the letter has that lease: put the other, else (in a transaction of its own) look at all, and put it with the lease. */
  | { readonly do: 'nested'; readonly letter: string; readonly other: string; readonly lease: bigint };

const letter = fc.constantFrom(...LETTERS);
const lease = fc.constantFrom(...LEASES);
const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ do: fc.constantFrom('grant' as const, 'revoke' as const), lease }),
  fc.record({ do: fc.constant('put' as const), letter, lease: fc.constantFrom(0n, ...LEASES) }),
  fc.record({ do: fc.constant('delete' as const), letter }),
  fc.record({ do: fc.constant('compact' as const), back: fc.nat(4) }),
  fc.record({ do: fc.constant('nested' as const), letter, other: letter, lease }),
);

class Model {
  revision = 1;
  compacted = 0;
  readonly leases = new Set<bigint>();
  /** Which lease each key has. */
  keys = new Map<string, bigint>();
  readonly history = new Map<number, ReadonlyMap<string, bigint>>([[1, new Map()]]);

  /** What etcd says: the revision, or the error. */
  apply(step: Action): number | string {
    switch (step.do) {
      case 'grant':
        if (this.leases.has(step.lease)) return 'etcdserver: lease already exists';
        this.leases.add(step.lease);
        return this.revision;
      case 'revoke': {
        if (!this.leases.delete(step.lease)) return 'etcdserver: requested lease not found';
        return this.change([...this.keys].filter(([, held]) => held !== step.lease));
      }
      case 'put':
        return this.put(step.letter, step.lease);
      case 'delete':
        return this.change([...this.keys].filter(([key]) => key !== step.letter));
      case 'compact': {
        const at = this.revision - step.back;
        if (at === 0 && this.compacted === 0) return this.revision;
        if (at <= this.compacted) return 'etcdserver: mvcc: required revision has been compacted';
        this.compacted = at;
        return this.revision;
      }
      case 'nested': {
        // A missing key has lease 0.
        if ((this.keys.get(step.letter) ?? 0n) === step.lease) return this.put(step.other, 0n);
        return this.put(step.letter, step.lease);
      }
    }
  }

  private put(key: string, held: bigint): number | string {
    if (held !== 0n && !this.leases.has(held)) return 'etcdserver: requested lease not found';
    return this.change([...[...this.keys].filter(([each]) => each !== key), [key, held]], true);
  }

  private change(next: [string, bigint][], always = false): number {
    if (!always && next.length === this.keys.size) return this.revision;
    this.keys = new Map(next);
    this.revision++;
    this.history.set(this.revision, this.keys);
    return this.revision;
  }
}

async function run(service: EtcdService, model: Model, step: Action): Promise<number | string> {
  const call = async (): Promise<{ revision: number }> => {
    switch (step.do) {
      case 'grant':
        return service.call('LeaseGrant', { id: step.lease, ttl: 60n }, {});
      case 'revoke':
        return service.call('LeaseRevoke', { id: step.lease }, {});
      case 'put':
        return service.call('Put', putOf(step.letter, '', { lease: step.lease }), {});
      case 'delete':
        return service.call('DeleteRange', deleteOf(step.letter), {});
      case 'compact':
        return service.call('Compact', { revision: model.revision - step.back, physical: false }, {});
      case 'nested': {
        const otherwise = txnOp(txnOf([rangeOp('a', { rangeEnd: 'z' }), putOp(step.letter, '', { lease: step.lease })]));
        const guard = compareOf(step.letter, { target: 'LEASE', lease: step.lease });
        return service.call('Txn', txnOf([putOp(step.other)], [otherwise], [guard]), {});
      }
    }
  };
  try {
    return (await call()).revision;
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the service, against a model of leases, nested transactions and compaction', () => {
  test('any calls give the same answers, keys, leases and history, and a watch from any revision sees the same changes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(action, { maxLength: 30, size: 'max' }), fc.nat(30), async (steps, from) => {
        const { service, errors } = serviceWorld();
        const model = new Model();
        for (const step of steps) {
          const got = await run(service, model, step);
          expect([step, got]).toEqual([step, model.apply(step)]);
        }
        for (const id of LEASES) {
          const { ttl, keys } = await service.call('LeaseTimeToLive', { id, keys: true }, {});
          const attached = [...model.keys].filter(([, held]) => held === id).map(([key]) => key);
          expect([ttl >= 0, keys]).toEqual([model.leases.has(id), attached.sort()]);
        }
        const sorted = (map: ReadonlyMap<string, bigint>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
        const at = async (revision: number) =>
          (await service.call('Range', rangeOf('a', { rangeEnd: 'z', revision }), {})).kvs.map((kv): [string, bigint] => [
            kv.key,
            kv.lease,
          ]);
        for (let revision = Math.max(1, model.compacted); revision <= model.revision; revision++)
          expect(await at(revision)).toEqual(sorted(model.history.get(revision)!));
        if (model.compacted > 1) await expect(at(model.compacted - 1)).rejects.toThrow('compacted');
        await expect(at(model.revision + 1)).rejects.toThrow('future');

        const start = Math.min(Math.max(from, model.compacted, 2), model.revision + 1);
        expect(await watched(service, start, model)).toEqual(sorted(model.keys));
        expect(errors).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** The keys at the end, by what a watch tells from `start` on, and what was there before. */
async function watched(service: EtcdService, start: number, model: Model): Promise<[string, bigint][]> {
  const keys = new Map(model.history.get(start - 1) ?? []);
  const session = service.watch({});
  const request = {
    key: 'a',
    rangeEnd: 'z',
    startRevision: start,
    progressNotify: false,
    filters: [],
    prevKv: false,
    watchId: 0,
  };
  session.send({ type: 'create', request: { ...request, fragment: false } });
  session.send({ type: 'progress' });
  for await (const { events = [], watchId } of session.answers) {
    for (const { type, kv } of events) {
      if (type === 'put') keys.set(kv.key, kv.lease);
      else keys.delete(kv.key);
    }
    if (watchId === -1) session.close();
  }
  return [...keys].sort(([a], [b]) => (a < b ? -1 : 1));
}
