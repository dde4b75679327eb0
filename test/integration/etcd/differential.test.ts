import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { b64, type EtcdHarness, etcdHarness } from '../../../functions/api/etcd/testing/harness.ts';
import { comparable } from './comparable.ts';
import { CASES } from './cases.ts';
import { findEtcd, type RunningEtcd, startEtcd } from './debian-etcd.ts';
import { randomRequests } from './random-requests.ts';

const binary = await findEtcd();

interface Outcome {
  readonly status: number;
  readonly body: unknown;
}

(binary ? describe : describe.skip)("the JSON gateway answers as Debian's etcd 3.4 does", () => {
  let etcd: RunningEtcd;
  let ours: EtcdHarness;
  beforeAll(async () => {
    etcd = await startEtcd(binary!);
    ours = etcdHarness();
  });
  afterAll(() => etcd?.stop());

  const asText = (body: unknown) => (typeof body === 'string' ? body : JSON.stringify(body));

  async function askBoth(path: string, body: unknown): Promise<{ theirs: Outcome; ours: Outcome }> {
    const init = { method: 'POST', body: asText(body) };
    const [theirs, own] = await Promise.all([fetch(etcd.url + path, init), ours.request(path, init)]);
    return { theirs: await outcome(theirs), ours: await outcome(own) };
  }

  async function revision(): Promise<number> {
    const { theirs } = await askBoth('/v3/kv/range', { key: b64('any'), count_only: true });
    return Number((theirs.body as { header: { revision: string } }).header.revision);
  }

  test.each(CASES)('$name', async ({ requests, looseWords }) => {
    const start = await revision();
    const asked: unknown[] = [];
    const expected: Outcome[] = [];
    const got: Outcome[] = [];
    for (const [path, body] of requests) {
      const actual: unknown = typeof body === 'function' ? (body as (revision: number) => unknown)(start) : body;
      const both = await askBoth(path, actual);
      asked.push([path, asText(actual).slice(0, 500)]);
      expected.push(looseWords ? withoutWords(both.theirs) : both.theirs);
      got.push(looseWords ? withoutWords(both.ours) : both.ours);
    }
    expect(asked.map((request, n) => ({ request, ...got[n]! }))).toEqual(
      asked.map((request, n) => ({ request, ...expected[n]! })),
    );
    expect(ours.errors).toEqual([]);
  });

  test('long random sequences of requests', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(randomRequests, { minLength: 20, maxLength: 60, size: 'max' }), async (requests) => {
        const start = await revision();
        for (const make of requests) {
          const [path, body] = make(start);
          const both = await askBoth(path, body);
          expect({ path, request: body, ...both.ours }).toEqual({ path, request: body, ...both.theirs });
        }
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });

  test('watches: past and present, filters, previous values, progress, refusals, compaction', async () => {
    const start = await revision();
    for (const value of ['1', '2']) await askBoth('/v3/kv/put', { key: b64('watched'), value: b64(value) });
    await askBoth('/v3/kv/deleterange', { key: b64('watched') });
    await askBoth('/v3/kv/txn', {
      success: ['watched', 'watched2'].map((name) => ({ request_put: { key: b64(name), value: b64('4') } })),
    });
    const create = (more: object) =>
      JSON.stringify({ create_request: { key: b64('watched'), start_revision: start + 1, ...more } });
    const streams: [string, string, number][] = [
      ['a key', create({}), 4],
      ['with previous values', create({ prev_kv: true }), 4],
      ['a range, from the middle', create({ range_end: b64('x'), start_revision: start + 3 }), 4],
      ['no puts, an id of its own', create({ filters: ['NOPUT'], watch_id: 5 }), 2],
      ['no deletes', create({ filters: [1] }), 4],
      ['an empty range', create({ range_end: b64('a') }), 1],
      ['an id twice', create({ watch_id: 5, start_revision: 0 }) + create({ watch_id: 5, start_revision: 0 }), 2],
      ['ids of the stream, one cancelled', create({ start_revision: 0 }).repeat(2) + '{"cancel_request":{"watch_id":"1"}}', 3],
      ['progress', '{"progress_request":{}}', 1],
    ];
    for (const [name, body, count] of streams) {
      const theirs = await linesUntil(await fetch(`${etcd.url}/v3/watch`, { method: 'POST', body }), count);
      const own = await linesUntil(await ours.request('/v3/watch', { method: 'POST', body }), count);
      expect({ name, lines: own }).toEqual({ name, lines: theirs });
    }
    await askBoth('/v3/kv/compaction', { revision: start + 2 });
    const body = create({});
    const theirs = await linesUntil(await fetch(`${etcd.url}/v3/watch`, { method: 'POST', body }), 2);
    expect(await linesUntil(await ours.request('/v3/watch', { method: 'POST', body }), 2)).toEqual(theirs);
  });
});

async function outcome(response: Response): Promise<Outcome> {
  return { status: response.status, body: comparable(JSON.parse(await response.text())) };
}

function withoutWords({ status, body }: Outcome): Outcome {
  const { code } = body as { code?: number };
  return { status, body: code === undefined ? body : { code } };
}

/**
 * Until as many events and other messages have come. How many revisions one message carries is up to the server (headers tell of it), so
 * messages with events are taken apart.
 */
async function linesUntil(response: Response, count: number): Promise<unknown[]> {
  const seen: unknown[] = [];
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  while (seen.length < count) {
    const { done, value } = await reader.read();
    if (done) break;
    const lines = (rest + value).split('\n');
    rest = lines.pop()!;
    for (const line of lines.filter((each) => each !== '')) {
      const { result } = comparable(JSON.parse(line)) as { result: { events?: unknown[]; header: unknown } };
      const { events, header, ...others } = result;
      if (events) seen.push(...events.map((event) => ({ ...others, event })));
      else seen.push({ ...others, header });
    }
  }
  await reader.cancel();
  return seen.slice(0, count);
}
