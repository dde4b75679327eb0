import { expect, test } from '@jest/globals';
import { callLanes } from './call-lanes.ts';

/** Calls that get no answer, and how many of them were sent. */
function unanswered() {
  const lanes = callLanes();
  const sent: string[] = [];
  const call = (member: string) => {
    void lanes(member)(() => {
      sent.push(member);
      return new Promise(() => {});
    });
  };
  return { sent, call };
}

test('a unit is stopped and killed at once, however many others are being looked at and started and get no answer', () => {
  const { sent, call } = unanswered();
  for (let at = 0; at < 500; at++) for (const member of ['LoadUnit', 'RestartUnit', 'ResetFailedUnit']) call(member);
  expect(sent.length).toBeLessThan(1500);
  for (const member of ['StopUnit', 'KillUnit']) {
    call(member);
    expect(sent.at(-1)).toBe(member);
  }
});

test("no more calls are without an answer than dbus-daemon's 128, whatever they are for", () => {
  const { sent, call } = unanswered();
  for (let at = 0; at < 500; at++)
    for (const member of ['LoadUnit', 'GetAll', 'RestartUnit', 'Reload', 'StopUnit', 'KillUnit', 'EnableUnitFiles']) call(member);
  expect(sent.length).toBeLessThanOrEqual(128);
});
