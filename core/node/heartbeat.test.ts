import { describe, expect, test } from '@jest/globals';
import { silentAt } from './heartbeat.ts';

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
    expect(silentAt(heartbeat, SETTINGS, fencedSince)).toBe(at + seconds * 1000);
  });
});
