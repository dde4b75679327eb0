import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { CacheFile, type CopyFile } from '../../../agent/kv/cache-file.ts';
import { httpQuestions } from '../../../agent/kv/http-questions.ts';
import { keyChoice } from '../../../agent/kv/key-choice.ts';
import { LocalCopy } from '../../../agent/kv/local-copy.ts';
import { remoteLog } from '../../../agent/kv/remote-log.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import { kvWorld, type KvWorld, type Person, type TestHost } from './world.ts';

jest.setTimeout(120_000);

let world: KvWorld;
let person: Person;
let host: TestHost;
let directory: string;
let lines: string[];
const open: LocalCopy[] = [];

beforeAll(async () => {
  world = await kvWorld();
});
afterAll(() => world?.close());
beforeEach(async () => {
  person = await world.person();
  host = await person.host('metal-1');
  directory = await mkdtemp(join(tmpdir(), 'trn-copy-'));
  lines = [];
});
afterEach(async () => {
  for (const copy of open.splice(0)) await copy.close();
  await rm(directory, { recursive: true, force: true });
});

function newCopy(
  options: { prefixes?: string[]; bytesMax?: number; client?: TestHost['client']; file?: CopyFile } = {},
): LocalCopy {
  const { prefixes = [], bytesMax = 64_000_000, client = host.client } = options;
  const { file = new CacheFile(directory, { owner: `${person.cluster}/host`, prefixes }) } = options;
  const note = (message: string) => void lines.push(message);
  const copy = new LocalCopy({
    remote: remoteLog({ questions: httpQuestions(client), wantsHints: () => false }),
    file,
    timing: systemTiming(),
    log: { info: note, warn: note, error: note },
    keys: keyChoice(prefixes),
    bytesMax,
  });
  open.push(copy);
  return copy;
}

/** The host's client, telling of each request. */
function watched(onRequest: (path: string) => void): TestHost['client'] {
  return {
    ...host.client,
    sendBytes(request) {
      onRequest(request.path);
      return host.client.sendBytes(request);
    },
  };
}

const kv = (): Promise<OpenKeyspace> => world.controlPlane.keyspaces.open(person.tenant, person.cluster, 'kv');
async function put(key: string, value: string | Uint8Array = key): Promise<void> {
  await (await kv()).transact((txn) => txn.put(key, Buffer.from(value)));
}
const keysOf = (keyspace: OpenKeyspace | undefined) =>
  keyspace && Array.from(keyspace.view().range('', '\u0100'), ({ key }) => key);

describe("a host's copy of the key-value store", () => {
  test('sees what was acknowledged before it asked, and asks for nothing else', async () => {
    await put('a');
    const copy = newCopy();
    expect(keysOf(await copy.sync())).toEqual(['a']);
    await put('b');
    expect(keysOf(copy.keyspace)).toEqual(['a']);
    expect(keysOf(await copy.sync())).toEqual(['a', 'b']);
    expect((await copy.sync()).view().revision).toBe((await kv()).view().revision);
  });

  test('many who ask at once share what is asked of the control plane', async () => {
    const copy = newCopy();
    await copy.sync();
    await put('a');
    let asked = 0;
    const other = newCopy({ client: watched(() => void asked++) });
    await other.open();
    asked = 0;
    await Promise.all(Array.from({ length: 64 }, () => other.sync()));
    expect(asked).toBe(1);
  });

  test('comes from a snapshot where the log is trimmed, page by page', async () => {
    const big = Buffer.alloc(200_000, 7);
    for (let n = 0; n < 40; n++) await put(`k${String(n).padStart(2, '0')}`, Buffer.concat([big, Buffer.from(randomText())]));
    await (await kv()).snapshot();
    const pages: string[] = [];
    const client = watched((path) => path.includes('/snapshot') && pages.push(path));
    const keyspace = await newCopy({ client }).sync();
    expect(keysOf(keyspace)).toHaveLength(40);
    expect(pages.length).toBeGreaterThan(2);
  });

  test('is there again after a restart, without the control plane; then it catches up', async () => {
    await put('a');
    const first = newCopy();
    await first.sync();
    await put('b');
    await first.sync();
    // Not closed: as after a kill -9.
    await first.written();
    host.network.state = 'closed';
    const second = newCopy();
    await second.restore();
    expect(keysOf(second.keyspace)).toEqual(['a', 'b']);
    await expect(second.sync()).rejects.toThrow(/ECONN|socket hang up/);
    expect(keysOf(second.keyspace)).toEqual(['a', 'b']);

    await put('c');
    host.network.state = 'open';
    expect(keysOf(await second.sync())).toEqual(['a', 'b', 'c']);
  });

  test.each(['snapshot', 'journal'])(
    'a %s that was changed on disk is noticed, and nothing wrong is ever shown',
    async (name) => {
      for (const key of ['a', 'b']) await put(key);
      const first = newCopy();
      await first.sync();
      await first.close();
      await put('c');
      const again = newCopy();
      await again.restore();
      await again.sync();
      await again.written();
      expect((await readdir(directory)).sort()).toEqual(['journal', 'snapshot']);
      const path = join(directory, name);
      const bytes = await readFile(path);
      bytes[bytes.length - 5]! ^= 1;
      await writeFile(path, bytes);

      const second = newCopy();
      await second.restore();
      // A damaged journal costs its end; a damaged snapshot everything.
      expect(keysOf(second.keyspace)).toEqual(name === 'snapshot' ? undefined : ['a', 'b']);
      if (name === 'snapshot') expect(lines.join('\n')).toContain('is damaged; it is thrown away and loaded again');
      expect(keysOf(await second.sync())).toEqual(['a', 'b', 'c']);
    },
  );

  test('of a store that was empty when it was first read is there again, too, with what came since', async () => {
    const first = newCopy();
    await first.open();
    await put('a');
    await first.sync();
    await first.written();
    const again = newCopy();
    await again.restore();
    expect(keysOf(again.keyspace)).toEqual(['a']);
  });

  test('an entry that was cut off by a crash is read again', async () => {
    await put('a');
    const first = newCopy();
    await first.sync();
    await first.written();
    await put('b');
    await first.sync();
    await first.written();
    const path = join(directory, 'journal');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, -3));
    const second = newCopy();
    await second.restore();
    expect(keysOf(second.keyspace)).toEqual(['a']);
    await put('c');
    expect(keysOf(await second.sync())).toEqual(['a', 'b', 'c']);
    await second.written();
    const third = newCopy();
    await third.restore();
    expect(keysOf(third.keyspace)).toEqual(['a', 'b', 'c']);
  });

  test('that can not be written is not tried again with each entry, fills no disk, and is whole again once it can', async () => {
    let retryMs = 60_000;
    const file = new CacheFile(directory, { owner: `${person.cluster}/host`, prefixes: [] }, () => retryMs);
    let saves = 0;
    const save = file.save.bind(file);
    file.save = (...state) => {
      saves++;
      save(...state);
    };
    await put('a');
    const first = newCopy({ file });
    await first.sync();
    await first.written();
    const journal = join(directory, 'journal');
    const kept = await readFile(journal);
    // Writing it fails from now on.
    await rm(journal);
    await mkdir(journal);
    for (const key of ['b', 'c', 'd']) {
      await put(key);
      await first.sync();
      await first.written();
    }
    expect([first.diskProblem, saves]).toEqual([expect.stringContaining('EISDIR'), 1]);
    // What came after the gap would be of no use.
    await rm(journal, { recursive: true });
    await writeFile(journal, kept);
    await put('e');
    await first.sync();
    await first.written();
    expect([first.diskProblem, saves]).toEqual([expect.stringContaining('EISDIR'), 1]);
    expect(await readFile(journal)).toEqual(kept);
    retryMs = 0;
    await put('f');
    await first.sync();
    await first.written();
    expect([first.diskProblem, saves]).toEqual([undefined, 2]);
    const second = newCopy();
    await second.restore();
    expect(keysOf(second.keyspace)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  });

  test('starts from a long journal a piece at a time, and goes on with it', async () => {
    const first = newCopy();
    await first.sync();
    for (let n = 0; n < 30; n++) await put('a', Buffer.alloc(100_000, n));
    await first.sync();
    await first.written();
    expect((await stat(join(directory, 'journal'))).size).toBeGreaterThan(2_500_000);
    const cached = (await new CacheFile(directory, { owner: `${person.cluster}/host`, prefixes: [] }).load())!;
    // What it was given at once would be in memory at once.
    expect(Symbol.asyncIterator in cached.entries).toBe(true);
    const second = newCopy();
    await second.restore();
    expect(second.keyspace?.view().get('a')).toMatchObject({ version: 30, value: new Uint8Array(100_000).fill(29) });
    await put('b');
    await second.sync();
    await second.written();
    const third = newCopy();
    await third.restore();
    expect(keysOf(third.keyspace)).toEqual(['a', 'b']);
    expect(third.keyspace?.at(third.keyspace.view().revision - 5).get('a')?.version).toBe(26);
  });

  test("files of another choice of keys, or another cluster's, are not used", async () => {
    for (const key of ['app/a', 'other/a']) await put(key);
    const first = newCopy({ prefixes: ['app/'] });
    expect(keysOf(await first.sync())).toEqual(['app/a']);
    await first.close();
    const all = newCopy();
    await all.restore();
    expect(all.keyspace).toBeUndefined();
    expect(keysOf(await all.sync())).toEqual(['app/a', 'other/a']);
  });

  test('that gets too large is given up, on disk too, and that is said', async () => {
    await put('a', Buffer.alloc(50_000));
    const copy = newCopy({ bytesMax: 100_000 });
    await copy.sync();
    await put('b', Buffer.alloc(60_000));
    await expect(copy.sync()).rejects.toThrow(/more than 0 MB: this host keeps no copy/);
    expect(copy.keyspace).toBeUndefined();
    expect(copy.tooLarge).toContain('choose fewer keys');
    await copy.close();
    expect(await readdir(directory)).toEqual([]);
    // Nor is it loaded only to be thrown away.
    await (await kv()).snapshot();
    await expect(newCopy({ bytesMax: 100_000 }).sync()).rejects.toThrow(/keeps no copy/);
  });

  test('whose past gets too large forgets the oldest of it, and is the same after a restart', async () => {
    const copy = newCopy({ bytesMax: 100_000 });
    await copy.sync();
    for (let n = 0; n < 30; n++) await put('a', Buffer.alloc(10_000, n));
    const keyspace = await copy.sync();
    expect(copy.tooLarge).toBeUndefined();
    expect(keyspace.bytes).toBeLessThanOrEqual(100_000);
    const { revision } = keyspace.view();
    expect(keyspace.at(revision - 3).get('a')?.value[0]).toBe(26);
    expect(() => keyspace.at(revision - 20)).toThrow('compacted');
    await copy.close();
    const again = newCopy({ bytesMax: 100_000 });
    await again.restore();
    expect(again.keyspace?.at(revision - 3).get('a')?.value[0]).toBe(26);
    // From the control plane, which has all of it, it is loaded without what doesn't fit.
    await (await kv()).snapshot();
    await rm(directory, { recursive: true });
    expect((await newCopy({ bytesMax: 100_000 }).sync()).at(revision).get('a')?.value[0]).toBe(29);
  });

  test('is of its own cluster only', async () => {
    await put('mine');
    const stranger = await world.person();
    const strangers = await stranger.host('metal-1');
    expect(keysOf(await newCopy({ client: strangers.client }).sync())).toEqual([]);
  });

  test('a host that was removed reads nothing more', async () => {
    await put('a');
    const copy = newCopy();
    await copy.sync();
    const removed = await person.ask('DELETE', '/v1/nodes/metal-1');
    expect(removed.status).toBeLessThan(300);
    await expect(copy.sync()).rejects.toMatchObject({ name: 'DismissedError' });
  });
});

function randomText(): string {
  return Array.from({ length: 50 }, () => Math.random().toString(36)).join('');
}
