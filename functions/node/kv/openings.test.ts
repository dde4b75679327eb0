import { beforeEach, describe, expect, test } from '@jest/globals';
import { SKEW_SECONDS_MAX } from '../../../core/node/http-signature.ts';
import { Openings } from './openings.ts';

const SKEW_MS = SKEW_SECONDS_MAX * 1_000;

describe('requests that open a kept connection', () => {
  let now: number;
  let openings: Openings;
  beforeEach(() => {
    now = 1_000_000_000;
    openings = new Openings({ now: () => now });
  });
  const admit =
    (keyId: string, nonce: string | undefined, signedAt = now) =>
    () =>
      openings.admit(keyId, nonce, signedAt);

  test('open one each, and not another while their signatures hold', () => {
    expect(admit('a', '1')).not.toThrow();
    expect(admit('a', '1')).toThrow('has opened a connection already');
    expect(admit('a', '2')).not.toThrow();
    expect(admit('b', '1')).not.toThrow();
    // The furthest that a signature may be ahead, and then the furthest that it may be behind.
    now += 2 * SKEW_MS - 1;
    expect(admit('a', '1')).toThrow('has opened a connection already');
  });

  test('need a nonce, of a length that costs nothing to remember', () => {
    expect(admit('a', undefined)).toThrow('needs a nonce');
    expect(admit('a', 'x'.repeat(65))).toThrow('needs a nonce');
    expect(admit('a', 'x'.repeat(64))).not.toThrow();
  });

  test('from before the server began are refused: it can not know whether they were used', () => {
    expect(admit('a', '1', now - 1_000)).toThrow('signed before this server began');
    expect(admit('a', '1', now - 999)).not.toThrow();
  });

  test('of a host that opens one after the other are refused, those of the others are not', () => {
    for (let n = 0; n < 100; n++) expect(admit('a', String(n))).not.toThrow();
    expect(admit('a', 'one more')).toThrow('too many connections');
    expect(admit('b', '0')).not.toThrow();
  });

  test('of such a host are taken again when the oldest are past', () => {
    for (let n = 0; n < 100; n++, now += 10) admit('a', String(n))();
    expect(admit('a', 'x')).toThrow('too many connections');
    now += 2 * SKEW_MS - 1_000;
    expect(admit('a', 'x')).not.toThrow();
    expect(admit('a', 'y')).toThrow('too many connections');
    now += 1_000;
    for (let n = 0; n < 99; n++) expect(admit('a', `again ${n}`)).not.toThrow();
    expect(admit('a', 'y')).toThrow('too many connections');
  });

  test('of a thousand hosts together are bounded', () => {
    let taken = 0;
    let refusal: unknown;
    for (let host = 0; host <= 1_000 && !refusal; host++) {
      for (let n = 0; n < 100 && !refusal; n++) {
        try {
          openings.admit(`host-${host}`, String(n), now);
          taken++;
        } catch (error) {
          refusal = error;
        }
      }
    }
    expect(taken).toBe(100_000);
    expect(refusal).toMatchObject({ status: 503 });
  });
});
