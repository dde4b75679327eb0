import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { DismissedError } from '../../../agent/kv/control-plane.ts';
import { Forwarder } from '../../../agent/kv/forwarder.ts';
import { httpQuestions } from '../../../agent/kv/http-questions.ts';
import { type KvStream, openKvStream } from '../../../agent/kv/kv-stream.ts';
import { kvQuestions } from '../../../agent/kv/kv-questions.ts';
import type { KvQuestions } from '../../../agent/kv/questions.ts';
import { encodeRequest } from '../../../core/etcd/protobuf/index.ts';
import { putOf } from '../../../core/etcd/testing/requests.ts';
import type { LogEntry } from '../../../core/keyspace/log.ts';
import { decodeForwardedAnswer, encodeCalls, KV_PATH } from '../../../core/node/kv.ts';
import {
  encodeFrame,
  encodeTailQuestion,
  FrameReader,
  KV_QUESTION,
  KV_STREAM_PATH,
  KV_STREAM_PROTOCOL,
} from '../../../core/node/kv-stream.ts';
import { signRequest } from '../../../core/node/http-signature.ts';
import { systemSchedule } from '../../../functions/etcd/services.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import { eventually } from '../../support/eventually.ts';
import { kvWorld, type KvWorld, type Person, type TestHost } from './world.ts';

jest.setTimeout(60_000);

let world: KvWorld;
let person: Person;
const ends: (() => void)[] = [];
const timeoutMs = 5_000;
const question = { after: 0, verify: false, news: false, watch: false };

beforeAll(async () => {
  world = await kvWorld();
  person = await world.person();
});
afterAll(() => world?.close());
afterEach(() => {
  for (const end of ends.splice(0)) end();
});

function asking(host: TestHost): KvQuestions {
  const end = new AbortController();
  ends.push(() => end.abort());
  return kvQuestions({ client: host.client, elapsed: () => performance.now(), random: Math.random, signal: end.signal });
}

async function kept(host: TestHost): Promise<KvQuestions> {
  const questions = asking(host);
  await questions.tail(question, { timeoutMs });
  await eventually('the connection is there', () => expect(questions.cheap()).toBe(true), { everyMs: 10 });
  return questions;
}

function forwarder(questions: KvQuestions, entries: LogEntry[] = []): Forwarder {
  const end = new AbortController();
  ends.push(() => end.abort());
  return new Forwarder({
    questions,
    id: randomBytes(9).toString('base64url'),
    timing: systemTiming(),
    schedule: systemSchedule,
    signal: end.signal,
    after: () => 0,
    onEntries: (more) => void entries.push(...(more ?? [])),
  });
}

const put = (key: string, value = key) => encodeRequest('Put', putOf(key, value));
const keyspace = () => world.controlPlane.keyspaces.open(person.tenant, person.cluster, 'kv');
const versionOf = async (key: string) => (await (await keyspace()).sync()).get(key)?.version;

/** What somebody on the way sees of a request to open a connection. */
function opening(host: TestHost, more: { created?: number; nonce?: string | undefined } = {}): string {
  const { client, privateKey, keyId } = host;
  const { created = Date.now(), nonce = randomBytes(9).toString('base64url') } = more;
  const url = `http://127.0.0.1:${client.server.port}${KV_STREAM_PATH}`;
  const key = { keyId, privateKey, created, ...('nonce' in more && more.nonce === undefined ? {} : { nonce }) };
  const headers = signRequest({ method: 'GET', url }, key);
  const lines = Object.entries({
    host: `127.0.0.1:${client.server.port}`,
    connection: 'Upgrade',
    upgrade: KV_STREAM_PROTOCOL,
    ...headers,
  });
  return `GET ${KV_STREAM_PATH} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** Sends bytes to the server as they are; the first bytes of its answer, or '' if it ends the connection. */
function raw(...pieces: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(world.port(), '127.0.0.1');
    ends.push(() => socket.destroy());
    let answer = '';
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      const next = pieces.shift();
      if (next === undefined) resolve(answer);
      else socket.write(next);
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
    socket.write(pieces.shift()!);
  });
}

describe("a host's kept connection for the key-value store", () => {
  test('is used from the second question on, and answers as signed requests do', async () => {
    const host = await person.host('a');
    const questions = await kept(host);
    const { network } = host;
    const before = [network.connections, network.sent];
    const first = await httpQuestions(host.client).tail(question, { timeoutMs });
    const asked = network.sent - before[1]!;
    expect(await questions.tail(question, { timeoutMs })).toEqual(first);
    // 15 bytes rather than a signed request.
    expect(network.sent - before[1]! - asked).toBeLessThan(32);
    expect(network.connections).toBe(before[0]);
  });

  test('carries many requests at once, each call is carried out once, and entries come once', async () => {
    const questions = await kept(await person.host('b'));
    const entries: LogEntry[] = [];
    const forward = forwarder(questions, entries);
    await Promise.all(Array.from({ length: 300 }, (_, n) => forward.call('Put', put(`many/${n % 100}`))));
    for (let n = 0; n < 20; n++) await forward.call('Put', put('many/0'));
    expect(await versionOf('many/0')).toBe(23);
    expect(await versionOf('many/1')).toBe(3);
    const sequences = entries.map(({ sequence }) => sequence);
    expect(sequences).toEqual(sequences.map((_, index) => sequences[0]! + index));
    expect(sequences.at(-1)).toBe((await keyspace()).copy().sequence);
  });

  test.each(['unanswered', 'closed', 'silent'] as const)(
    'is made again when it breaks (%s), and no call gets lost or doubled',
    async (state) => {
      const host = await person.host(`broken-${state}`);
      const questions = await kept(host);
      const forward = forwarder(questions);
      host.network.state = state;
      const calls = Array.from({ length: 10 }, (_, n) => forward.call('Put', put(`${state}/${n}`)));
      if (state === 'unanswered') await eventually('they have landed', async () => expect(await versionOf(`${state}/9`)).toBe(1));
      else await new Promise((resolve) => setTimeout(resolve, 200));
      host.network.state = 'open';
      await Promise.all(calls);
      for (let n = 0; n < 10; n++) expect(await versionOf(`${state}/${n}`)).toBe(1);
    },
  );

  test('of a host that was removed answers no further question', async () => {
    const questions = await kept(await person.host('gone'));
    const { accounts } = world.controlPlane;
    const who = { actor: { kind: 'system', id: 'test' } } as const;
    expect(await accounts.removeHost(person.tenant, person.cluster, 'gone', who)).toBe(true);
    const calls = encodeCalls({ after: undefined, calls: [{ id: 'x/1', method: 'Put', token: '', request: put('gone') }] });
    await expect(questions.calls(calls, { timeoutMs })).rejects.toThrow(DismissedError);
    expect(await versionOf('gone')).toBeUndefined();
    await eventually('it is closed', () => expect(questions.cheap()).toBe(false), { everyMs: 10 });
    await expect(questions.tail(question, { timeoutMs })).rejects.toThrow(DismissedError);
  });

  test('is opened by a request once: captured, it opens no other', async () => {
    const host = await person.host('captured');
    const captured = opening(host);
    const tail = encodeFrame(7, KV_QUESTION.tail, encodeTailQuestion({ ...question, after: 1_000_000 }));
    const answer = await raw(captured, tail);
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    const [frame] = new FrameReader(1_000).push(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1'));
    expect(frame).toMatchObject({ id: 7, code: 200 });
    expect(await raw(captured)).toMatch(/^HTTP\/1\.1 401 .*signature_invalid/s);
    expect(await raw(opening(host))).toMatch(/^HTTP\/1\.1 101 /);
    expect(await raw(opening(host, { nonce: undefined }))).toMatch(/^HTTP\/1\.1 401 .*signature_invalid/s);
    // From before the server began: it can't know whether it was used.
    expect(await raw(opening(host, { created: Date.now() - 200_000 }))).toMatch(/^HTTP\/1\.1 401 .*clock_skew/s);
  });

  test('is one of two at most: a third takes the place of the oldest', async () => {
    const host = await person.host('many');
    const streams: KvStream[] = [];
    for (let n = 0; n < 3; n++) streams.push(await openKvStream(host.client, 10_000));
    ends.push(() => streams.forEach((stream) => stream.close()));
    await streams[0]!.closed;
    for (const stream of streams.slice(1)) {
      expect((await stream.ask(KV_QUESTION.tail, Buffer.from([0, 0]), { timeoutMs })).length).toBeGreaterThan(0);
    }
  });

  test('is refused to who does not sign, and ended when what comes on it are no frames', async () => {
    const host = await person.host('odd');
    const unsigned = `GET ${KV_STREAM_PATH} HTTP/1.1\r\nhost: x\r\nconnection: Upgrade\r\nupgrade: ${KV_STREAM_PROTOCOL}\r\n\r\n`;
    expect(await raw(unsigned)).toMatch(/^HTTP\/1\.1 401 .*signature_missing/s);
    expect(await raw(opening(host), 'GET / HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1\.1 101 [^{]*$/s);
    expect(await raw(opening(host), Buffer.from([0xff, 0xff, 0xff, 0xff, 0]))).toMatch(/^HTTP\/1\.1 101 [^{]*$/s);
    expect(await raw(opening(host), encodeFrame(1, 99, Buffer.alloc(0)))).toMatch(/invalid_request/);
    expect(await raw(opening(host), encodeFrame(1, KV_QUESTION.calls, Buffer.from('nonsense')))).toMatch(/invalid_request/);
    expect(await raw(opening(host), encodeFrame(1, KV_QUESTION.tail, Buffer.alloc(0)))).toMatch(/invalid_request/);
    // Nothing of it has hurt the server.
    const stream = await openKvStream(host.client, 1_000);
    expect((await stream.ask(KV_QUESTION.tail, Buffer.from([0, 0]), { timeoutMs })).length).toBeGreaterThan(0);
    stream.close();
  });
});

test('a kept connection that is lost early again and again is made less and less often', async () => {
  const host = await person.host('unsteady');
  let now = 0;
  let made = 0;
  const client = {
    ...host.client,
    headers(method: string, url: string) {
      made++;
      return host.client.headers(method, url);
    },
  };
  const end = new AbortController();
  ends.push(() => end.abort());
  const questions = kvQuestions({ client, elapsed: () => now, random: () => 1, signal: end.signal });
  const ask = () => questions.tail(question, { timeoutMs });
  /** Loses it; so long it takes until it is made again, ms. */
  const lose = async () => {
    host.network.state = 'closed';
    await eventually('it is lost', () => expect(questions.cheap()).toBe(false), { everyMs: 10 });
    host.network.state = 'open';
    const [before, lostAt] = [made, now];
    for (; made === before; now += 500) await eventually('there is an answer', ask);
    now -= 500;
    await there();
    return now - lostAt;
  };
  const there = () => eventually('the connection is there', () => expect(questions.cheap()).toBe(true), { everyMs: 10 });
  await ask();
  await there();
  const early: number[] = [];
  for (let n = 0; n < 8; n++) early.push(await lose());
  expect(early).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  now += 10_000;
  expect(await lose()).toBe(1_000);
});

test('a kept connection is made only where the way is encrypted, or does not leave the machine', async () => {
  const host = await person.host('far');
  const far = { ...host.client, server: new URL('http://control.example.com') };
  const end = new AbortController();
  ends.push(() => end.abort());
  const options = { elapsed: () => performance.now(), random: Math.random, signal: end.signal };
  const questions = kvQuestions({ client: far, ...options });
  const { connections } = host.network;
  for (let n = 0; n < 5; n++) await questions.tail(question, { timeoutMs });
  expect(questions.cheap()).toBe(false);
  expect(host.network.connections).toBe(connections);
});

describe('a captured request with calls', () => {
  // A plan's nodes are few.
  beforeAll(async () => {
    person = await world.person();
  });

  const send = async (host: TestHost, created: number, id: string) => {
    const body = encodeCalls({ after: undefined, calls: [{ id, method: 'Put', token: '', request: put(`captured/${id}`) }] });
    const url = `http://127.0.0.1:${host.client.server.port}${KV_PATH}/calls`;
    const { privateKey, keyId } = host;
    const headers = signRequest({ method: 'POST', url, body }, { keyId, privateKey, created, nonce: 'n' });
    const response = await fetch(url, { method: 'POST', headers, body: Buffer.from(body) });
    return {
      status: response.status,
      body: Buffer.from(await response.arrayBuffer()),
      time: response.headers.get('terrane-server-time'),
    };
  };

  test('is refused before the ids of its calls are forgotten; one that is sent again at once is carried out once', async () => {
    const host = await person.host('replayed');
    const created = Date.now();
    for (let n = 0; n < 2; n++) {
      const { status, body } = await send(host, created, 'once');
      expect(status).toBe(200);
      expect(decodeForwardedAnswer(body).outcomes).toMatchObject([{ code: 0 }]);
    }
    expect(await versionOf('captured/once')).toBe(1);
    for (const off of [-12_000, 12_000]) {
      const { status, body, time } = await send(host, Date.now() + off, `off${off}`);
      expect({ status, code: JSON.parse(body.toString()).error.code }).toEqual({ status: 401, code: 'clock_skew' });
      expect(Math.abs(Number(time) - Date.now())).toBeLessThan(60_000);
      expect(await versionOf(`captured/off${off}`)).toBeUndefined();
    }
  });

  test.each([-200_000, -20_000, 20_000, 200_000])(
    'a host whose clock is %d ms off learns the time and is served',
    async (off) => {
      const host = await person.host(`off${off}`, { clockOffMs: off });
      const forward = forwarder(httpQuestions(host.client));
      await forward.call('Put', put(`off/${off}`));
      expect(await versionOf(`off/${off}`)).toBe(1);
    },
  );
});
