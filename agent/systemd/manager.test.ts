import { describe, expect, test } from '@jest/globals';
import { isNews } from './manager.ts';
import type { SystemdState } from './observed.ts';

const UNIT = 'org.freedesktop.systemd1.Unit';
const STATE: SystemdState = {
  loadState: 'loaded',
  activeState: 'active',
  subState: 'running',
  fragmentPath: '/run/systemd/system/db.service',
  invocationId: 'ab01',
  jobId: 0,
  since: 1_700_000_000_123,
  needsReload: false,
  loadError: '',
};
const SAID = {
  ActiveState: 'active',
  SubState: 'running',
  InvocationID: [0xab, 0x01],
  Job: [0, '/'],
  StateChangeTimestamp: 1_700_000_000_123_456n,
};

describe('what systemd says of a unit by itself', () => {
  test.each([
    ['the same', [UNIT, SAID, []]],
    ['a part of the same', [UNIT, { ActiveState: 'active' }, ['Conditions']]],
    ['of what it runs', ['org.freedesktop.systemd1.Service', { MainPID: 7 }, []]],
  ])('is no news: %s', (_what, body) => {
    expect(isNews(STATE, { body })).toBe(false);
  });

  test.each([
    ['another state', { ...SAID, ActiveState: 'deactivating' }],
    ['another sub-state', { SubState: 'exited' }],
    ['another run', { ...SAID, InvocationID: [0xab, 0x02] }],
    ['a job', { Job: [12, '/org/freedesktop/systemd1/job/12'] }],
    ['the same since another time', { StateChangeTimestamp: 1_700_000_000_124_000n }],
  ])('is news: %s', (_what, said) => {
    expect(isNews(STATE, { body: [UNIT, said, []] })).toBe(true);
  });

  test('is news where it says only that something has changed', () => {
    expect(isNews(STATE, { body: [UNIT, {}, ['ActiveState']] })).toBe(true);
  });
});
