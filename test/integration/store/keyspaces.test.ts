import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { openKeyspaces } from '../../../store/keyspaces.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => new TextDecoder().decode(value);
const clock = { now: () => Date.now() };

describe('keyspaces in the embedded store', () => {
  let store: EmbeddedStore;
  beforeAll(async () => {
    store = await embeddedStore();
  });
  afterAll(() => store.stop());
  const process = (options: { memoryBytesMax?: number } = {}) =>
    openKeyspaces({ client: store.client, table: 'tenant', clock, log: silentLogger, ...options });

  test('one process opens a keyspace once, and another process sees what it committed', async () => {
    const [one, other] = [process(), process()];
    const [first, again] = await Promise.all([one.open('t', 'c', 'registry'), one.open('t', 'c', 'registry')]);
    expect(again).toBe(first);
    const { revision } = await first.transact((txn) => txn.put('/a', bytes('1')));
    expect(revision).toBe(2);
    const view = await (await other.open('t', 'c', 'registry')).sync();
    expect([view.revision, text(view.get('/a')?.value)]).toEqual([2, '1']);
    await Promise.all([one.close(), other.close()]);
  });

  test('tenants, clusters and names are apart', async () => {
    const all = process();
    await (await all.open('t1', 'c', 'kv')).transact((txn) => txn.put('k', bytes('mine')));
    for (const [tenant, cluster, name] of [
      ['t2', 'c', 'kv'],
      ['t1', 'd', 'kv'],
      ['t1', 'c', 'registry'],
    ] as const) {
      expect((await (await all.open(tenant, cluster, name)).sync()).get('k')).toBeUndefined();
    }
    await all.close();
  });

  test('forgets what was not used for longest when memory runs out, except what is watched', async () => {
    const all = process({ memoryBytesMax: 1_000_000 });
    const big = (keyspace: { transact(evaluate: (txn: { put(k: string, v: Uint8Array): void }) => void): Promise<unknown> }) =>
      keyspace.transact((txn) => txn.put('k', new Uint8Array(700_000)));
    const watched = await all.open('m', 'watched', 'kv');
    const abort = new AbortController();
    const watching = watched.watch({ from: '', to: 'z' }, 0, abort.signal);
    const event = watching.next();
    await big(watched);
    await event;
    const idle = await all.open('m', 'idle', 'kv');
    await big(idle);
    await all.open('m', 'third', 'kv');
    expect(await all.open('m', 'watched', 'kv')).toBe(watched);
    const anew = await all.open('m', 'idle', 'kv');
    expect(anew).not.toBe(idle);
    expect(anew.view().get('k')?.value.length).toBe(700_000);
    abort.abort();
    await watching.return?.();
    await all.close();
  });
});
