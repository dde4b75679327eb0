import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Assignment, FIRST_SETTINGS } from '../../core/node/assignment.ts';
import type { Report } from '../../core/node/report.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { join } from '../identity/join.ts';
import { pollAssignment } from './assignment-poll.ts';
import { around, retryDelay } from './jitter.ts';
import { reporter } from './reporter.ts';
import type { Answer, SignedClient, SignedRequest } from './signed-client.ts';

/** The control plane's end, as a function. Time is moved by hand. */
function clientOf(
  answer: (request: SignedRequest) => Partial<Answer> | Error,
): SignedClient & { readonly sent: SignedRequest[] } {
  const sent: SignedRequest[] = [];
  return {
    sent,
    server: new URL('https://control.example'),
    ca: undefined,
    async send(request) {
      sent.push(request);
      const given = answer(request);
      if (given instanceof Error) throw given;
      return { status: 200, headers: {}, body: '{}', ...given };
    },
    headers: () => ({}),
    learnTime: () => false,
    close: () => undefined,
  };
}

function logger(): Logger & { readonly lines: string[] } {
  const lines: string[] = [];
  const log = (message: string) => void lines.push(message);
  return { lines, info: log, warn: log, error: log };
}

const refused = (status: number, code: string): Partial<Answer> => ({
  status,
  body: JSON.stringify({ error: { code, message: `no: ${code}`, fix: 'Do this' } }),
});
const unreachable = new Error('connect ECONNREFUSED');
const random = () => 1 - Number.EPSILON;
const passed = (ms: number) => jest.advanceTimersByTimeAsync(ms);

let stop: AbortController;
beforeEach(() => {
  jest.useFakeTimers();
  stop = new AbortController();
});
afterEach(() => {
  stop.abort();
  jest.useRealTimers();
});

describe('delays', () => {
  test('double with each failure up to two minutes, and never fall together', () => {
    expect([0, 1, 2, 6, 7, 99].map((failures) => retryDelay(failures, random))).toEqual([
      1000, 2000, 4000, 64_000, 120_000, 120_000,
    ]);
    expect(retryDelay(3, () => 0)).toBe(800);
    expect([around(1000, () => 0), around(1000, random)]).toEqual([800, 1200]);
  });
});

describe('joining', () => {
  const request = { token: 't', publicKey: 'k', name: 'n' };
  const options = (client: SignedClient, log: Logger) => ({ client, request, log, random, signal: stop.signal });

  test('goes on until the control plane can be reached, and says each time when it tries again', async () => {
    const log = logger();
    const client = clientOf(() => (client.sent.length < 3 ? unreachable : { body: '{"hostId":"h"}' }));
    const joined = join(options(client, log));
    await passed(10_000);
    await expect(joined).resolves.toEqual({ hostId: 'h' });
    expect(log.lines).toEqual([
      "the control plane https://control.example can't be reached: connect ECONNREFUSED. Trying again in 1 s",
      "the control plane https://control.example can't be reached: connect ECONNREFUSED. Trying again in 2 s",
    ]);
  });

  test('ends with a refusal that no second try can change', async () => {
    await expect(
      join(
        options(
          clientOf(() => refused(401, 'token_expired')),
          logger(),
        ),
      ),
    ).rejects.toMatchObject({
      code: 'token_expired',
      fix: 'Do this',
    });
  });

  test('goes on where the organisation has all the nodes that it may have, or the clock is being set, and says what to do', async () => {
    const log = logger();
    const answers = [refused(403, 'node_limit_reached'), refused(401, 'clock_skew')];
    const client = clientOf(() => answers[client.sent.length - 1] ?? { body: '{"hostId":"h"}' });
    const joined = join(options(client, log));
    await passed(10_000);
    await expect(joined).resolves.toEqual({ hostId: 'h' });
    expect(log.lines[0]).toBe(
      'joining control.example failed: it answered 403: no: node_limit_reached. Do this. Trying again in 1 s',
    );
  });

  test('waits as long as it is told when it came too often', async () => {
    const client = clientOf(() =>
      client.sent.length < 2 ? { ...refused(429, 'rate_limited'), headers: { 'retry-after': '60' } } : { body: '{"hostId":"h"}' },
    );
    const joined = join(options(client, logger()));
    await passed(59_000);
    expect(client.sent).toHaveLength(1);
    await passed(2000);
    await expect(joined).resolves.toEqual({ hostId: 'h' });
  });
});

describe('the assignment', () => {
  const assignment = (revision: number) => ({
    cluster: 'c',
    revision,
    pods: [],
    configMaps: [],
    secrets: [],
    settings: FIRST_SETTINGS,
  });
  function poll(client: SignedClient, log: Logger = logger()) {
    const applied: number[] = [];
    const revoked: string[] = [];
    const polling = pollAssignment({
      client,
      log,
      random: () => 0.5,
      signal: stop.signal,
      pollSeconds: () => 300,
      onAssignment: async ({ revision }: Assignment) => void applied.push(revision),
      onReachable: () => undefined,
      onRevoked: (message) => revoked.push(message),
    });
    return { ...polling, applied, revoked };
  }

  test('is asked for when there is a hint and from time to time, and not sent again when it is the same', async () => {
    let revision = 1;
    const client = clientOf(({ headers }) =>
      headers?.['if-none-match'] === `"${revision}"`
        ? { status: 304 }
        : { headers: { etag: `"${revision}"` }, body: JSON.stringify(assignment(revision)) },
    );
    const { now, applied } = poll(client);
    await passed(0);
    await passed(299_000);
    expect(client.sent).toHaveLength(1);
    await passed(2000);
    expect([client.sent.length, applied]).toEqual([2, [1]]);
    revision = 2;
    now();
    await passed(0);
    expect(applied).toEqual([1, 2]);
  });

  test('that can not be had is tried for ever less often, and that it is, is said', async () => {
    const log = logger();
    const client = clientOf(() => unreachable);
    poll(client, log);
    await passed(60_000);
    expect(client.sent.length).toBeGreaterThan(4);
    expect(client.sent.length).toBeLessThan(9);
    expect(log.lines[0]).toMatch(
      /no assignment from .*: connect ECONNREFUSED\. Containers go on as last assigned; trying again in \d+ s/,
    );
  });

  test('that is damaged is not applied', async () => {
    const { pods: _, ...damaged } = assignment(1);
    const log = logger();
    const { applied } = poll(
      clientOf(() => ({ body: JSON.stringify(damaged) })),
      log,
    );
    await passed(0);
    expect(applied).toEqual([]);
    expect(log.lines[0]).toContain("the assignment can't be used: pods is not a list");
  });

  test("of a host whose node was removed is none, and only the control plane's own word counts for that", async () => {
    let answer = refused(401, 'host_unknown');
    const { now, revoked } = poll(clientOf(() => answer));
    await passed(0);
    expect(revoked).toEqual([]);
    answer = refused(401, 'host_revoked');
    now();
    await passed(0);
    expect(revoked).toHaveLength(1);
  });
});

describe('reports', () => {
  function start(answer: () => Partial<Answer> | Error = () => ({ body: '{"revision":7}' })) {
    const client = clientOf(answer);
    const state = { key: 'first', ready: true };
    const log = logger();
    const rhythm = { seconds: 20, relaxed: false, leaseSeconds: 60, stopSeconds: 40, graceSeconds: 10 };
    const reporting = reporter({
      client,
      log,
      random,
      signal: stop.signal,
      build: () => (state.ready ? { report: { agentVersion: state.key } as Report, key: state.key } : undefined),
      uptime: Date.now,
      rhythm: () => rhythm,
      onSent: () => undefined,
      onRevoked: () => undefined,
    });
    const reports = () => client.sent.map(({ body }) => JSON.parse(body as string) as Report);
    const sent = () => reports().map(({ agentVersion }) => agentVersion);
    return { ...reporting, state, reports, sent, log, rhythm };
  }

  test('are sent when something changed, at most one a second, and only the last of many changes', async () => {
    const { check, state, sent } = start();
    check(true);
    await passed(0);
    for (const key of ['a', 'b', 'c']) {
      state.key = key;
      check(true);
      await passed(100);
    }
    expect(sent()).toEqual(['first']);
    await passed(1000);
    expect(sent()).toEqual(['first', 'c']);
    check(true);
    await passed(5000);
    expect(sent()).toHaveLength(2);
  });

  test('come once there is something to say, though nobody tells of that: who waits for a systemd that hangs is told of by none', async () => {
    const { check, state, sent } = start();
    state.ready = false;
    check(true);
    await passed(5_000);
    expect(sent()).toEqual([]);
    state.ready = true;
    await passed(1_000);
    expect(sent()).toEqual(['first']);
    await passed(20_000);
    expect(sent()).toHaveLength(2);
  });

  test('wait a moment while more is about to change', async () => {
    const { check, state, sent } = start();
    check(true);
    await passed(5000);
    state.key = 'creating';
    check(false);
    await passed(400);
    state.key = 'running';
    check(true);
    await passed(0);
    expect(sent()).toEqual(['first', 'running']);
  });

  test('are heartbeats when nothing changes', async () => {
    const { check, sent } = start();
    check(true);
    await passed(60_500);
    expect(sent()).toEqual(['first', 'first', 'first', 'first']);
  });

  test('are spread over a fifth of their distance while nobody counts on the second, and come quickly once somebody does', async () => {
    const { check, sent, rhythm } = start();
    Object.assign(rhythm, { seconds: 300, relaxed: true });
    check(true);
    await passed(359_000);
    expect(sent()).toHaveLength(1);
    await passed(2_000);
    expect(sent()).toHaveLength(2);
    await passed(100_000);
    Object.assign(rhythm, { seconds: 20, relaxed: false });
    check(true);
    await passed(0);
    expect(sent()).toHaveLength(3);
  });

  test('say when the next one comes, and how long a lease that they renew lasts', async () => {
    const { check, reports } = start();
    check(true);
    await passed(0);
    expect(reports()[0]).toMatchObject({ withinSeconds: 20, leaseSeconds: 60 });
  });

  test('can be asked for although nothing changed, and are tried again if that one is lost', async () => {
    let down = false;
    const { check, now, sent } = start(() => (down ? unreachable : {}));
    check(true);
    await passed(5_000);
    down = true;
    now();
    await passed(1_000);
    down = false;
    await passed(3_000);
    expect(sent()).toHaveLength(3);
  });

  test('that are not received are sent again, the state as it is then', async () => {
    let down = true;
    const { check, state, sent, log, reachable } = start(() => (down ? unreachable : {}));
    check(true);
    await passed(3000);
    state.key = 'later';
    down = false;
    reachable();
    await passed(0);
    expect(sent().at(-1)).toBe('later');
    expect(log.lines.filter((line) => line.includes('was not received'))).toHaveLength(1);
    expect(log.lines.at(-1)).toBe('reports are received again');
  });
});
