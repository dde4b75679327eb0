import { describe, expect, test } from '@jest/globals';
import type { AssignedUpdate } from '../../core/updates/driven-hosts.ts';
import type { FollowerState } from './follower.ts';
import { updateVerdicts } from './telling.ts';

const follows: AssignedUpdate = {
  group: 'edge',
  application: 'os',
  driver: 'rauc',
  checkSeconds: 60,
  health: { timeoutSeconds: 60, units: [] },
};
const said = (...states: Partial<FollowerState>[]) =>
  updateVerdicts(states.map((state) => ({ follows, phase: 'idle' as const, ...state }))).map(
    ({ type, status, reason, message }) => `${type} ${status} ${reason}: ${message}`,
  );

describe("a node's conditions", () => {
  test('say nothing of updates on a host that follows no group', () => {
    expect(said({ follows: undefined })).toEqual([]);
  });
  test('say that it waits for its turn, and for whom', () => {
    expect(said({ phase: 'turn', target: '2', waiting: 'the only slot is held: left' })[0]).toBe(
      'RebootPending True WaitsForTurn: 2 is written; the only slot is held: left',
    );
    expect(said({ phase: 'boot-back', target: '2' })[0]).toBe('RebootPending True Rebooting: going back from 2');
    expect(said({ phase: 'watch', target: '2' })[0]).toMatch(/^RebootPending False/);
  });
  test('say what went wrong, with its log; and a driver that this host lacks first', () => {
    const failure = { error: 'stageFailed', message: 'signature verification failed', version: '2', at: 0 } as const;
    expect(said({ failure })[1]).toBe('UpdateFailed True StageFailed: 2: signature verification failed');
    expect(said({ failure }, { problem: "rauc can't be used: not found" })[1]).toBe(
      "UpdateFailed True DriverUnavailable: rauc can't be used: not found",
    );
    expect(said({})[1]).toMatch(/^UpdateFailed False/);
  });
});
