import { describe, expect, test } from '@jest/globals';
import { NOW } from '../testing/pods.ts';
import { portOf } from './action.ts';
import { newProbeState, nextDue, type ProbeKind, recordResult } from './probe-state.ts';

/** `+` and `-` are results; the verdict after each. */
function verdicts(kind: ProbeKind, results: string, probe = {}, passed?: boolean): string[] {
  const state = newProbeState(probe, NOW, NOW, passed);
  return results.split('').map((result) => {
    recordResult(state, kind, result === '+');
    return state.verdict;
  });
}

describe('a verdict', () => {
  test('needs as many results in a row as the probe says', () => {
    const shown = verdicts('readiness', '++--+---', { successThreshold: 2, failureThreshold: 3 });
    expect(shown.join(' ')).toBe('unknown success success success success success success failure');
  });
  test('by default fails after three, and succeeds after one', () => {
    expect(verdicts('readiness', '+--+---')).toEqual([
      'success',
      'success',
      'success',
      'success',
      'success',
      'success',
      'failure',
    ]);
  });
  test('of a liveness probe starts from alive', () => {
    expect(verdicts('liveness', '--', { failureThreshold: 2 }, true)).toEqual(['success', 'failure']);
  });
});

test('the first try comes after the delay, counted from the start of the container', () => {
  const due = (initialDelaySeconds: number, now: number) => newProbeState({ initialDelaySeconds }, NOW, now, undefined).dueAt;
  expect(due(30, NOW)).toBe(NOW + 30_000);
  expect(due(30, NOW + 60_000)).toBe(NOW + 60_000);
  expect(nextDue(newProbeState({ periodSeconds: 2 }, NOW, NOW, undefined), NOW)).toBe(NOW + 2000);
});

test('ports are numbers or names', () => {
  const ports = [{ name: 'http', containerPort: 8080 }];
  expect([portOf('http', ports), portOf(81, ports), portOf('82', ports)]).toEqual([8080, 81, 82]);
  expect(() => portOf('https', ports)).toThrow("couldn't find port: https");
});
