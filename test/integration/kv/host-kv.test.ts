import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { HostKv, HostKvOptions } from '../../../agent/kv/host-kv.ts';
import type { KvQuestions } from '../../../agent/kv/questions.ts';
import { pushChannel } from '../../../agent/uplink/push-channel.ts';
import { callAsClientsDo } from '../../../core/etcd/testing/as-clients-call.ts';
import type { EtcdService } from '../../../core/etcd/service.ts';
import { putOf, rangeOf } from '../../../core/etcd/testing/requests.ts';
import { TrimmedError } from '../../../core/keyspace/errors.ts';
import { RETENTION_MS } from '../../../core/keyspace/log.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { eventually } from '../../support/eventually.ts';
import { openKv, questionsOf } from './open-kv.ts';
import { kvWorld, type KvWorld, type Person, type TestHost } from './world.ts';

jest.setTimeout(120_000);

let world: KvWorld;
let person: Person;
const ends: (() => Promise<void>)[] = [];
const directories: string[] = [];

beforeAll(async () => {
  world = await kvWorld();
});
afterAll(() => world?.close());
beforeEach(async () => {
  await world.startServer();
  person = await world.person();
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  for (const directory of directories.splice(0)) await rm(directory, { recursive: true, force: true });
});

interface Started extends HostKv {
  readonly host: TestHost;
  readonly directory: string;
  stop(): Promise<void>;
}

interface StartOptions extends Partial<Omit<HostKvOptions, 'directory'>> {
  readonly directory?: string;
  readonly push?: boolean;
  /** Gets the kinds of questions that are asked. */
  readonly asked?: string[];
}

async function start(host: TestHost, options: StartOptions = {}): Promise<Started> {
  const { push: wantsPush = true, directory = await mkdtemp(join(tmpdir(), 'trn-hostkv-')), asked = [], ...rest } = options;
  directories.push(directory);
  const end = new AbortController();
  const kv = await openKv(host, {
    questions: noting(asked, questionsOf(host, end.signal)),
    directory,
    signal: end.signal,
    pushConnected: () => push?.connected() ?? false,
    clientUrls: () => ['http://127.0.0.1:2379'],
    ...rest,
  });
  const push = wantsPush
    ? pushChannel({
        client: host.client,
        log: silentLogger,
        random: Math.random,
        signal: end.signal,
        onMessage: (message) => (message.type === 'kv' ? kv.onMessage(message) : undefined),
        onConnected: () => kv.onReachable(),
        onLost: () => undefined,
      })
    : undefined;
  if (push) await eventually('the push connection is open', () => expect(push.connected()).toBe(true), { everyMs: 20 });
  const stop = async () => {
    end.abort();
    await kv.close();
  };
  ends.push(stop);
  return { ...kv, host, directory, stop };
}

function noting(asked: string[], questions: KvQuestions): KvQuestions {
  const noted =
    <K extends 'calls' | 'tail' | 'snapshot' | 'past'>(kind: K): KvQuestions[K] =>
    (...question: unknown[]) => {
      asked.push(kind);
      return (questions[kind] as (...question: unknown[]) => Promise<Buffer>)(...question);
    };
  return {
    calls: noted('calls'),
    tail: noted('tail'),
    snapshot: noted('snapshot'),
    past: noted('past'),
    cheap: () => questions.cheap(),
  };
}

const put = (service: EtcdService, key: string, value = key, more = {}) =>
  callAsClientsDo(service, 'Put', putOf(key, value, more));
const get = async (service: EtcdService, key: string, serializable = false) => {
  const { kvs } = await service.call('Range', rangeOf(key, { serializable }), {});
  return kvs[0] && Buffer.from(kvs[0].value).toString();
};
const local = (service: EtcdService, key: string) => get(service, key, true);
/** As a person's tool writes it, over the API. */
async function putByApi(key: string, value = key): Promise<void> {
  const b64 = (text: string) => Buffer.from(text).toString('base64');
  const answer = await person.ask('POST', `/clusters/${person.cluster}/etcd/v3/kv/put`, { key: b64(key), value: b64(value) });
  expect(answer.status).toBe(200);
}

/** Collects what a watch sees, which is there when the answer resolves. */
async function watching(...args: Parameters<typeof watch>) {
  const watched = watch(...args);
  await eventually('the watch is there', () => expect(watched.answers.length).toBeGreaterThan(0), { everyMs: 20 });
  return watched;
}

function watch(service: EtcdService, key: string, startRevision = 0, rangeEnd = '') {
  const end = new AbortController();
  const session = service.watch({ signal: end.signal });
  const seen: string[] = [];
  const answers: { canceled?: true; cancelReason?: string }[] = [];
  const running = (async () => {
    for await (const answer of session.answers) {
      answers.push(answer as object);
      for (const { type, kv } of answer.events ?? []) seen.push(`${type} ${kv.key} ${kv.modRevision}`);
    }
  })().catch((error: Error) => void seen.push(error.message));
  session.send({
    type: 'create',
    request: { key, rangeEnd, startRevision, progressNotify: false, filters: [], prevKv: false, fragment: false, watchId: 0 },
  });
  const stop = async () => {
    end.abort();
    await running;
  };
  ends.push(stop);
  return { seen, answers, stop };
}

describe("etcd's services on a host", () => {
  test('whoever writes on a host reads there what it wrote, even where reads may be old', async () => {
    const { service } = await start(await person.host('a'));
    for (let n = 0; n < 20; n++) {
      const { revision } = await put(service, 'k', String(n));
      expect(await local(service, 'k')).toBe(String(n));
      expect((await service.call('Range', rangeOf('k', { serializable: true }), {})).revision).toBe(revision);
    }
  });

  test('a linearizable read on one host sees what was acknowledged on another, and over the API', async () => {
    const a = await start(await person.host('a'));
    const b = await start(await person.host('b'));
    for (let n = 0; n < 10; n++) {
      await put(a.service, 'k', `a${n}`);
      expect(await get(b.service, 'k')).toBe(`a${n}`);
      await putByApi('k', `p${n}`);
      expect(await get(a.service, 'k')).toBe(`p${n}`);
    }
  });

  test('a watch sees what others write, by a hint that brings the entry along', async () => {
    const { service, host } = await start(await person.host('a'));
    const { seen } = await watching(service, 'k');
    await eventually('it is told of', async () => {
      expect(await world.controlPlane.kvInterest.nodes(person.tenant, person.cluster, Date.now())).toEqual(['a']);
    });
    const before = host.network.sent;
    await putByApi('k');
    await putByApi('other');
    await putByApi('k');
    await eventually('both are seen', () => expect(seen).toEqual(['put k 2', 'put k 4']), { everyMs: 20 });
    // Nothing was asked for.
    expect(host.network.sent - before).toBeLessThan(100);
  });

  test('without a push connection a watch sees it all the same, a little later', async () => {
    const { service } = await start(await person.host('a'), { push: false });
    const { seen } = await watching(service, 'k');
    await putByApi('k');
    await eventually('it is seen', () => expect(seen).toEqual(['put k 2']));
  });

  test('a host that nobody uses asks nothing and is told nothing', async () => {
    const kvHost = await start(await person.host('a'));
    const { host } = kvHost;
    const before = [host.network.sent, host.network.connections];
    for (let n = 0; n < 5; n++) await putByApi('k', String(n));
    expect([host.network.sent, host.network.connections]).toEqual(before);
    expect(kvHost.facts()).toMatchObject({ following: false, revision: undefined });
    expect(await world.controlPlane.kvInterest.nodes(person.tenant, person.cluster, Date.now())).toEqual([]);
  });

  test('many writers of a host share requests, and each gets its own answer', async () => {
    const { service, host } = await start(await person.host('a'));
    await put(service, 'warm');
    const asked: string[] = [];
    const other = await start(host, { push: false, asked });
    asked.length = 0;
    const answers = await Promise.all(Array.from({ length: 200 }, (_, n) => put(other.service, `k${n}`)));
    expect(new Set(answers.map(({ revision }) => revision)).size).toBe(200);
    expect(asked.length).toBeLessThan(10);
  });

  test('a commit of its own comes with the answer, and is not asked for once more when it is too large for a hint', async () => {
    const host = await person.host('a');
    const asked: string[] = [];
    const { service } = await start(host, { asked });
    const { seen } = await watching(service, 'k');
    await eventually('it is told of commits', async () => {
      expect(await world.controlPlane.kvInterest.nodes(person.tenant, person.cluster, Date.now())).toEqual(['a']);
    });
    asked.length = 0;
    for (let n = 0; n < 10; n++) await put(service, 'k', randomBytes(20_000).toString('base64'));
    await eventually('all are seen', () => expect(seen).toHaveLength(10), { everyMs: 20 });
    expect(new Set(asked)).toEqual(new Set(['calls']));
  });

  test('an answer that got lost does not make a write happen twice', async () => {
    const { service, host } = await start(await person.host('a'));
    await put(service, 'k', '0');
    host.network.state = 'unanswered';
    const waiting = service.call(
      'Txn',
      { compare: [], success: [{ type: 'put', request: putOf('k', '1', { prevKv: true }) }], failure: [] },
      {},
    );
    await eventually('it has landed', async () => expect((await kv()).view().revision).toBe(3), { everyMs: 20 });
    // More than once it was sent.
    await new Promise((resolve) => setTimeout(resolve, 300));
    host.network.state = 'open';
    const answer = await waiting;
    expect(answer).toMatchObject({ revision: 3, succeeded: true });
    expect(answer.responses[0]).toMatchObject({ type: 'put', response: { prevKv: { modRevision: 2, version: 1 } } });
    expect((await kv()).view().get('k')).toMatchObject({ version: 2, modRevision: 3 });
  });

  const kv = () => world.controlPlane.keyspaces.open(person.tenant, person.cluster, 'kv');

  test('while the control plane is away, reads that may be old and watches go on; the others say what etcd says', async () => {
    const { service, host } = await start(await person.host('a'));
    await put(service, 'k', '1');
    const { seen } = watch(service, 'k', 1);
    await eventually('the past is seen', () => expect(seen).toEqual(['put k 2']));
    host.network.state = 'closed';
    expect(await local(service, 'k')).toBe('1');
    await watching(service, 'k');
    await expect(get(service, 'k')).rejects.toMatchObject({ code: 14, message: 'etcdserver: request timed out' });
    await expect(service.call('Put', putOf('k', '2'), { requireLeader: true })).rejects.toMatchObject({
      code: 14,
      message: 'etcdserver: no leader',
    });
    await expect(put(service, 'k', '2')).rejects.toMatchObject({ code: 14, message: 'etcdserver: request timed out' });
    host.network.state = 'open';
    await put(service, 'k', '3');
    await eventually('the watch went on', () => expect(seen.slice(1)).toEqual(['put k 3']));
  });

  test('the server is ended and comes back: nothing that was acknowledged is lost, nothing seen twice', async () => {
    const { service } = await start(await person.host('a'));
    const { seen } = await watching(service, 'k');
    await put(service, 'k', '1');
    await world.stopServer();
    expect(await local(service, 'k')).toBe('1');
    await world.startServer();
    const { revision } = await put(service, 'k', '2');
    expect(await get(service, 'k')).toBe('2');
    await eventually('both are seen', () => expect(seen).toEqual(['put k 2', `put k ${revision}`]));
  });

  test('a host that restarts while it is cut off answers from its disk', async () => {
    const host = await person.host('a');
    const first = await start(host);
    await put(first.service, 'k', '1');
    expect(await get(first.service, 'k')).toBe('1');
    await first.stop();
    host.network.state = 'closed';
    const second = await start(host, { directory: first.directory, push: false });
    expect(await local(second.service, 'k')).toBe('1');
    const { seen } = watch(second.service, 'k', 1);
    await eventually('the past is seen', () => expect(seen).toEqual(['put k 2']));
    host.network.state = 'open';
    await putByApi('k', '2');
    await eventually('it goes on', () => expect(seen).toEqual(['put k 2', 'put k 3']));
  });

  test('a host that was away while the log was compacted and trimmed catches up from a snapshot', async () => {
    const host = await person.host('a');
    const first = await start(host);
    await put(first.service, 'k', '1');
    expect(await get(first.service, 'k')).toBe('1');
    await first.stop();
    const keyspace = await kv();
    for (let n = 0; n < 19; n++) await keyspace.transact((txn) => txn.put('k', Buffer.from(String(n))));
    // A day later the log begins with what comes now, as nobody needs more.
    world.clock.aheadMs = RETENTION_MS + 1;
    await keyspace.snapshot();
    await keyspace.transact((txn) => txn.put('k', Buffer.from('19')));
    await keyspace.transact((txn) => txn.compact(20));
    await keyspace.snapshot();
    world.clock.aheadMs = 0;
    await expect(
      world.controlPlane.keyspaces.log(person.tenant, person.cluster, 'kv').read(19, { verify: true }),
    ).rejects.toThrow(TrimmedError);

    const kvHost = await start(host, { directory: first.directory });
    const { service } = kvHost;
    expect(await local(service, 'k')).toMatch(/^(1|19)$/);
    expect(await get(service, 'k')).toBe('19');
    expect(kvHost.facts().revision).toBe(22);
    const { answers, seen } = watch(service, 'k', 3);
    await eventually('what is gone for good is told of', () =>
      expect(answers.at(-1)).toMatchObject({ canceled: true, compactRevision: 20 }),
    );
    expect(seen).toEqual([]);
  });

  test('leases of a host that is cut off end, and their keys with them; kept alive, they live', async () => {
    const cut = await start(await person.host('a'));
    const other = await start(await person.host('b'));
    const { id } = await cut.service.call('LeaseGrant', { id: 0n, ttl: 2n }, {});
    const { id: kept } = await other.service.call('LeaseGrant', { id: 0n, ttl: 20n }, {});
    await put(cut.service, 'cut', '1', { lease: id });
    await put(other.service, 'kept', '1', { lease: kept });
    const { seen } = await watching(other.service, 'cut');
    expect((await cut.service.call('LeaseKeepAlive', { id }, {})).ttl).toBe(2);
    cut.host.network.state = 'closed';
    await eventually('the lease ends', async () => {
      expect((await other.service.call('LeaseKeepAlive', { id: kept }, {})).ttl).toBe(20);
      expect(seen.map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual(['delete cut']);
    });
    expect(await get(other.service, 'kept')).toBe('1');
    cut.host.network.state = 'open';
    expect((await cut.service.call('LeaseKeepAlive', { id }, {})).ttl).toBe(0);
  });

  test('keys beyond the chosen ones are read through; watches of them are refused, and told why', async () => {
    const kvHost = await start(await person.host('a'), { prefixes: ['app/'] });
    const { service } = kvHost;
    await put(service, 'app/a');
    await put(service, 'other');
    expect(await local(service, 'app/a')).toBe('app/a');
    expect(await local(service, 'other')).toBe('other');
    expect((await service.call('Range', rangeOf('a', { rangeEnd: 'z' }), {})).count).toBe(2);
    expect(kvHost.facts().keys).toBe(1);
    const { answers } = watch(service, 'other');
    await eventually('it is refused', () =>
      expect(answers[0]).toMatchObject({ canceled: true, cancelReason: expect.stringContaining('app/') }),
    );
  });

  test('a store that is too large for the host is read through to the control plane', async () => {
    const kvHost = await start(await person.host('a'), { bytesMax: 20_000 });
    const { service } = kvHost;
    for (let n = 0; n < 30; n++) await putByApi(`k${n}`, 'v'.repeat(1_000));
    expect(await get(service, 'k1')).toBe('v'.repeat(1_000));
    expect(await local(service, 'k29')).toBe('v'.repeat(1_000));
    expect(kvHost.facts().tooLarge).toContain('this host keeps no copy');
  });

  test('a few keys that are written again and again are never too large: what this host forgot of their past is read through, by watches too', async () => {
    const kvHost = await start(await person.host('a'), { bytesMax: 100_000 });
    const { service } = kvHost;
    const { revision } = await put(service, 'k', 'first');
    for (let n = 0; n < 20; n++) await put(service, 'k', String(n).padEnd(10_000));
    expect(kvHost.facts().tooLarge).toBeUndefined();
    expect(kvHost.facts().bytes).toBeLessThanOrEqual(100_000);
    const old = await service.call('Range', rangeOf('k', { revision, serializable: true }), {});
    expect(Buffer.from(old.kvs[0]!.value).toString()).toBe('first');

    const now = await watching(service, 'k');
    await put(service, 'k', 'last');
    await eventually('it is seen', () => expect(now.seen).toHaveLength(1), { everyMs: 20 });
    const everything = Array.from({ length: 22 }, (_, n) => `put k ${revision + n}`);
    const late = await watching(service, 'k', revision);
    await eventually('it is told of all that happened, in order', () => expect(late.seen).toEqual(everything), { everyMs: 20 });
    await put(service, 'k', 'and on');
    await eventually('it goes on', () => expect(late.seen).toEqual([...everything, `put k ${revision + 22}`]), { everyMs: 20 });
    expect(late.answers.filter(({ canceled }) => canceled)).toEqual([]);

    const keyspace = await kv();
    await keyspace.transact((txn) => txn.compact(revision + 1));
    const tooLate = await watching(service, 'k', revision);
    await eventually('what is gone for good is told of', () =>
      expect(tooLate.answers.at(-1)).toMatchObject({ canceled: true, compactRevision: revision + 1 }),
    );
    kvHost.host.network.state = 'closed';
    const cutOff = await watching(service, 'k', revision + 1);
    await eventually('what nobody can tell of is as good as gone', () =>
      expect(cutOff.answers.at(-1)).toMatchObject({ canceled: true, compactRevision: expect.any(Number) }),
    );
  });

  test('a host that was removed answers nothing any more', async () => {
    const { service } = await start(await person.host('gone'));
    await put(service, 'k');
    expect((await person.ask('DELETE', '/v1/nodes/gone')).status).toBe(204);
    await expect(get(service, 'k')).rejects.toMatchObject({ message: 'etcdserver: server stopped' });
    await expect(put(service, 'k')).rejects.toMatchObject({ message: 'etcdserver: server stopped' });
  });

  test('two organisations do not see each other', async () => {
    const { service } = await start(await person.host('a'));
    await put(service, 'secret');
    const stranger = await world.person();
    const theirs = await start(await stranger.host('a'));
    expect((await theirs.service.call('Range', rangeOf('\0', { rangeEnd: '\0' }), {})).count).toBe(0);
  });
});
