import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { OutcomeUnknownError } from './errors.ts';
import { AFTER_ALL_KEYS } from './keys.ts';
import { MemoryLog } from './memory-log.ts';
import { type OpenKeyspace, openKeyspace } from './open.ts';
import { type Faults, faultyLog } from './testing/faulty-log.ts';
import { VirtualTime } from './testing/virtual-time.ts';
import type { Revision, RevisionEvents, TxnView } from './types.ts';

/**
 * Random transactions by several replicas over a bad network, against a model: a plain map. Every transaction also puts a key of
 * its own, by which it is recognised in the log; so the log can be replayed through the model, step by step.
 */

type Step = { put: string; value: number } | { delete: string } | { copy: string; to: string };
interface Plan {
  readonly replica: number;
  readonly steps: readonly Step[];
  /** Sent twice under one request id, as an agent does that got no answer. */
  readonly twice: boolean;
  readonly after: 'nothing' | 'sync' | 'snapshot' | 'pause';
}

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ put: key, value: fc.nat(99) }),
  fc.record({ delete: key }),
  fc.record({ copy: key, to: key }),
);
const plan: fc.Arbitrary<Plan> = fc.record({
  replica: fc.nat(3),
  steps: fc.array(step, { maxLength: 4 }),
  twice: fc.boolean(),
  after: fc.constantFrom('nothing' as const, 'sync' as const, 'snapshot' as const, 'pause' as const),
});

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array) => new TextDecoder().decode(value);

/** The same program for the keyspace and for the model. */
function execute(
  steps: readonly Step[],
  map: { get(k: string): string | undefined; put(k: string, v: string): void; delete(k: string): void },
) {
  for (const each of steps) {
    if ('put' in each) map.put(each.put, String(each.value));
    else if ('delete' in each) map.delete(each.delete);
    else map.put(each.to, `${map.get(each.copy) ?? 'none'}'`);
  }
}

function onTxn(txn: TxnView) {
  return {
    get: (k: string) => {
      const found = txn.get(k);
      return found && text(found.value);
    },
    put: (k: string, v: string) => txn.put(k, bytes(v)),
    delete: (k: string) => void txn.delete(k),
  };
}

interface Run {
  readonly acknowledged: ReadonlyMap<string, Revision>;
  readonly refused: ReadonlySet<string>;
  readonly seen: readonly (readonly RevisionEvents[])[];
  readonly final: OpenKeyspace;
}

async function play(plans: readonly Plan[], faults: Faults, time: VirtualTime): Promise<Run> {
  const log = new MemoryLog(() => time.now());
  const acknowledged = new Map<string, Revision>();
  const refused = new Set<string>();
  const replicas = await Promise.all(
    [0, 1, 2, 3].map((n) =>
      openWithPatience(() => openKeyspace(faultyLog(log, time, faults), { writerId: `w${n}`, timing: time, pollMs: 2_000 })),
    ),
  );
  const stop = new AbortController();
  const seen: RevisionEvents[][] = replicas.map(() => []);
  const watching = replicas.map((replica, n) => collect(replica, seen[n]!, stop.signal));

  await Promise.all(
    plans.map(async ({ replica: index, steps, twice, after }, n) => {
      const replica = replicas[index]!;
      await time.pause(100 * time.random());
      const id = `txn/${n}`;
      const once = () =>
        replica.transact(
          (txn) => {
            txn.put(id, bytes(''));
            execute(steps, onTxn(txn));
          },
          // Request ids would hide a second commit: most go without.
          twice ? { requestId: id, duplicate: () => undefined } : {},
        );
      for (const { status, value, reason } of await settle(twice ? [once(), once()] : [once()])) {
        if (status === 'done') acknowledged.set(id, value!.revision);
        else {
          expect(reason).toBeInstanceOf(OutcomeUnknownError);
          refused.add(id);
        }
      }
      const before = Math.max(1, ...acknowledged.values());
      if (after === 'pause') await time.pause(70_000);
      if (after === 'snapshot') await replica.snapshot().catch(() => {});
      if (after === 'sync') {
        const view = await replica.sync().catch(() => undefined);
        if (view) expect(view.revision).toBeGreaterThanOrEqual(before);
      }
    }),
  );
  const final = await openKeyspace(log, { writerId: 'final', timing: time });
  while (seen.some((steps) => (steps.at(-1)?.revision ?? 1) < final.view().revision)) await time.pause(500);
  stop.abort();
  await Promise.all(watching);
  await Promise.all(replicas.map((replica) => replica.close()));
  return { acknowledged, refused, seen, final };
}

async function openWithPatience(open: () => Promise<OpenKeyspace>): Promise<OpenKeyspace> {
  for (;;) {
    try {
      return await open();
    } catch {
      // The network was bad: try again.
    }
  }
}

async function settle<T>(promises: readonly Promise<T>[]): Promise<{ status: 'done' | 'failed'; value?: T; reason?: unknown }[]> {
  return Promise.all(
    promises.map((promise) =>
      promise.then(
        (value) => ({ status: 'done' as const, value }),
        (reason: unknown) => ({ status: 'failed' as const, reason }),
      ),
    ),
  );
}

async function collect(replica: OpenKeyspace, into: RevisionEvents[], signal: AbortSignal): Promise<void> {
  for await (const step of replica.watch({ from: '', to: AFTER_ALL_KEYS }, 0, signal)) into.push(step);
}

/** Replays what a watcher saw through the model, and checks each event against it. */
function replay(plans: readonly Plan[], steps: readonly RevisionEvents[]) {
  const model = new Map<string, string>();
  const places = new Map<string, Revision>();
  for (const [index, { revision, events }] of steps.entries()) {
    expect(revision).toBe(index + 2);
    const id = events.find(({ kv }) => kv.key.startsWith('txn/'))!.kv.key;
    expect(places.has(id)).toBe(false);
    places.set(id, revision);
    const after = new Map<string, string | undefined>([[id, '']]);
    const { steps: program } = plans[Number(id.slice('txn/'.length))]!;
    execute(program, {
      get: (k) => (after.has(k) ? after.get(k) : model.get(k)),
      put: (k, v) => void after.set(k, v),
      delete: (k) => void after.set(k, undefined),
    });
    const expected = Array.from(after).flatMap(([k, v]) => {
      const prev = model.get(k);
      if (v === undefined && prev === undefined) return [];
      return [`${v === undefined ? 'delete' : 'put'} ${k} ${v ?? ''} was ${prev ?? 'nothing'}`];
    });
    const actual = events.map(
      ({ type, kv, prev }) => `${type} ${kv.key} ${text(kv.value)} was ${prev ? text(prev.value) : 'nothing'}`,
    );
    expect(actual.sort()).toEqual(expected.sort());
    for (const { type, kv } of events) {
      if (type === 'delete') model.delete(kv.key);
      else model.set(kv.key, text(kv.value));
    }
  }
  return { places, model };
}

const plans = fc.array(plan, { minLength: 1, maxLength: 30, size: 'max' });
const seed = fc.nat();
const RUNS = 25;

describe('several replicas of one log', () => {
  test('there is one order, nothing is lost, nothing happens twice, and every watcher sees each revision once and in order', async () => {
    const faults = { dropped: 0.1, unanswered: 0.1, late: 0.1, unread: 0.05 };
    await fc.assert(
      fc.asyncProperty(plans, seed, async (all, timeSeed) => {
        const time = new VirtualTime(timeSeed);
        const run = await time.run(play(all, faults, time));
        const { places, model } = replay(all, run.seen[0]!);
        for (const seen of run.seen) expect(seen.map(describeStep)).toEqual(run.seen[0]!.map(describeStep));
        for (const [id, revision] of run.acknowledged) expect([id, places.get(id)]).toEqual([id, revision]);
        // A newcomer starts from the snapshots that were written meanwhile, and has the same state.
        const dump = Array.from(run.final.view().range('', AFTER_ALL_KEYS), (kv) => [kv.key, text(kv.value)]);
        expect(dump).toEqual(Array.from(model).sort(([a], [b]) => (a < b ? -1 : 1)));
        for (const id of places.keys()) expect(run.acknowledged.has(id) || run.refused.has(id)).toBe(true);
      }),
      { numRuns: RUNS },
    );
  }, 60_000);

  test('without faults every transaction is acknowledged', async () => {
    await fc.assert(
      fc.asyncProperty(plans, seed, async (all, timeSeed) => {
        const time = new VirtualTime(timeSeed);
        const run = await time.run(play(all, { dropped: 0, unanswered: 0, late: 0, unread: 0 }, time));
        expect([run.acknowledged.size, run.refused.size]).toEqual([all.length, 0]);
        expect(run.final.view().revision).toBe(all.length + 1);
      }),
      { numRuns: RUNS },
    );
  }, 60_000);
});

function describeStep({ revision, events }: RevisionEvents): string {
  return `${revision}: ${events.map(({ type, kv }) => `${type} ${kv.key}=${text(kv.value)}@${kv.createRevision}v${kv.version}`).join(', ')}`;
}
