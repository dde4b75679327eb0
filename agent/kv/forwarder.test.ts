import { describe, expect, test } from '@jest/globals';
import { EtcdError } from '../../core/etcd/errors.ts';
import { type CallOutcome, decodeCalls, encodeForwardedAnswer } from '../../core/node/kv.ts';
import { UnreachableError } from './control-plane.ts';
import { CALL_MS, Forwarder } from './forwarder.ts';

/** A forwarder whose time passes as fast as it waits, before a control plane that answers as it is told to. */
function world(answer: (attempt: number) => CallOutcome | UnreachableError) {
  let now = 0;
  const attempts: ReturnType<typeof decodeCalls>[] = [];
  const end = new AbortController();
  const forwarder = new Forwarder({
    questions: {
      cheap: () => true,
      async calls(body) {
        attempts.push(decodeCalls(body));
        const outcome = answer(attempts.length);
        if (outcome instanceof UnreachableError) throw outcome;
        return Buffer.from(encodeForwardedAnswer({ entries: [], outcomes: [outcome] }));
      },
    },
    id: 'host',
    timing: { elapsed: () => now, random: () => 0.5 },
    schedule(ms, action) {
      const timer = setImmediate(() => {
        now += ms;
        action();
      });
      return () => clearImmediate(timer);
    },
    signal: end.signal,
    after: () => undefined,
    onEntries: () => {},
  });
  return { forwarder, attempts, elapsed: () => now, call: () => forwarder.call('Put', new Uint8Array([1])) };
}

const unavailable = (message: string): CallOutcome => ({ code: 14, message });
const BROKEN = 'etcdserver: the disk that holds the data directory could not be written to';

describe('a call that the control plane can not carry out just now', () => {
  test('is sent again, with the same id and as one that was sent before, until it is carried out', async () => {
    const { call, attempts } = world((attempt) =>
      attempt < 3 ? unavailable(BROKEN) : { code: 0, response: new Uint8Array([7]) },
    );
    expect([...(await call())]).toEqual([7]);
    expect(attempts.map(({ calls: [each] }) => [each?.id, each?.again ?? false])).toEqual([
      ['host/1', false],
      ['host/1', true],
      ['host/1', true],
    ]);
  });

  test('is given up when its time is over, and its client told that what came of it is not known, and why', async () => {
    const { call, elapsed } = world(() => unavailable(BROKEN));
    await expect(call()).rejects.toMatchObject({
      code: 14,
      message: 'etcdserver: request timed out: the disk that holds the data directory could not be written to',
    });
    expect(elapsed()).toBeGreaterThanOrEqual(CALL_MS);
  });

  test("is told of in etcd's own words where there is nothing to add", async () => {
    const timeout = EtcdError.of('timeout');
    await expect(world(() => unavailable(timeout.message)).call()).rejects.toEqual(timeout);
    await expect(world(() => new UnreachableError('no route')).call()).rejects.toEqual(timeout);
  });
});
