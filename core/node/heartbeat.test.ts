import { describe, expect, test } from '@jest/globals';
import { silentAt } from './heartbeat.ts';
import { nodeTimeout } from './node-timeout.ts';

const SETTINGS = { renewSeconds: 20, notReadySeconds: 60 };
const at = 1_000_000;

describe('a host counts as silent', () => {
  test.each([
    ['a host timeout after its last report, when it reports as often as a lease asks', { at, withinSeconds: 20 }, undefined, 60],
    ['the same when it says nothing of the next report', { at }, undefined, 60],
    ['when a report that it spread over minutes is overdue by a host timeout', { at, withinSeconds: 300 }, undefined, 420],
    ['a host timeout after its push connection was lost', { at, withinSeconds: 300, lostAt: at + 5_000 }, undefined, 65],
    ['as if nothing was lost, when it has reported since', { at, withinSeconds: 300, lostAt: at - 1 }, undefined, 420],
    ['a host timeout after it got fenced work, if it says nothing to that', { at, withinSeconds: 300 }, at + 10_000, 70],
    ['a host timeout after its last report, with fenced work from before', { at, withinSeconds: 300 }, at - 10_000, 60],
  ])('%s', (_when, heartbeat, fencedSince, seconds) => {
    expect(silentAt(heartbeat, SETTINGS, { fencedSince })).toBe(at + seconds * 1000);
  });

  test.each([
    ['half a host timeout after it was asked for a report, if none came', { at, withinSeconds: 300 }, at + 100_000, 130],
    [
      'the same when its connection is found to be lost then',
      { at, withinSeconds: 300, lostAt: at + 105_000 },
      at + 100_000,
      130,
    ],
    ['no later than without being asked', { at, withinSeconds: 20 }, at + 50_000, 60],
    ['as if it was not asked, when it has reported since', { at, withinSeconds: 300 }, at, 420],
  ])('%s', (_when, heartbeat, askedAt, seconds) => {
    expect(silentAt(heartbeat, SETTINGS, { askedAt })).toBe(at + seconds * 1000);
  });

  test('within the host timeout of its death, when its peers notice it as late as they should', () => {
    const { noticeMs, answerMs } = nodeTimeout(SETTINGS);
    const died = at + 100_000;
    expect(silentAt({ at, withinSeconds: 300 }, SETTINGS, { askedAt: died + noticeMs })).toBe(died + noticeMs + answerMs);
    expect(noticeMs + answerMs).toBeLessThan(SETTINGS.notReadySeconds * 1000);
  });
});
