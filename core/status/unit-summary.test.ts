import { expect, test } from '@jest/globals';
import type { Unit, UnitHost } from '../resources/schema/unit.ts';
import { unitSummary } from './unit-summary.ts';

const host = (more: Partial<UnitHost> = {}): UnitHost => ({
  nodeName: 'n1',
  placement: 1,
  placedAt: '2026-01-01T00:00:00Z',
  fenced: true,
  hash: 'h',
  launched: 1,
  activeState: 'active',
  ...more,
});

const unit = (hosts: UnitHost[], more: { desiredState?: 'inactive' | 'loaded'; why?: string } = {}) =>
  ({
    metadata: { name: 'web.service', generation: 1 },
    spec: { contents: '', desiredState: more.desiredState ?? 'launched' },
    status: { hosts, ...(more.why ? { conditions: [{ type: 'Placed', status: 'False', message: more.why }] } : {}) },
  }) as unknown as Unit;

test('a unit that runs, or has ended in order, is as wanted', () => {
  expect(unitSummary(unit([host()]))).toMatchObject({ ready: 1, wanted: 1, healthy: true, state: 'launched', why: [] });
  expect(unitSummary(unit([host({ activeState: 'inactive' })]))).toMatchObject({ healthy: true });
  expect(unitSummary(unit([host({ launched: undefined })], { desiredState: 'loaded' }))).toMatchObject({
    healthy: true,
    state: 'loaded',
  });
});

test('one that is on no host, failed, or has yet to start is not, and the reason is told', () => {
  expect(unitSummary(unit([], { why: '0/1 nodes: 1 had no systemd' }))).toMatchObject({
    ready: 0,
    wanted: 1,
    healthy: false,
    state: 'on no host',
    why: ['0/1 nodes: 1 had no systemd'],
  });
  expect(unitSummary(unit([host(), host({ nodeName: 'n2', activeState: 'failed', error: 'exit code 3' })]))).toMatchObject({
    ready: 1,
    wanted: 2,
    healthy: false,
    state: 'failed on 1 of 2 hosts',
    why: ['n2: exit code 3'],
  });
  expect(unitSummary(unit([host({ activeState: 'failed' })]))).toMatchObject({
    why: ['n1: it has failed: its journal says why'],
  });
  expect(unitSummary(unit([host({ activeState: 'activating', subState: 'auto-restart' })]))).toMatchObject({
    healthy: false,
    state: 'failed on 1 of 1 host',
    why: ['n1: it ends again and again, and systemd starts it anew: its journal says why'],
  });
  expect(unitSummary(unit([host({ activeState: 'activating' })]))).toMatchObject({ healthy: false, state: 'not launched yet' });
});

test('one that is to run nowhere is no workload, and a host that it is leaving does not count', () => {
  expect(unitSummary(unit([], { desiredState: 'inactive' }))).toBeUndefined();
  expect(unitSummary(unit([host(), host({ nodeName: 'n2', leaving: 'moved', activeState: 'failed' })]))).toMatchObject({
    wanted: 1,
    healthy: true,
  });
});

test('one that has yet to leave a host says which, and what keeps it there', () => {
  const left = unit([host({ leaving: 'its host is being drained' })]);
  expect(unitSummary(left)).toMatchObject({
    healthy: false,
    state: 'has yet to leave n1',
    why: ['n1: its host is being drained'],
  });
  const named = unit([host({ uid: 'earlier' })]);
  expect(unitSummary(named)).toMatchObject({ state: 'has yet to leave n1', why: ['n1: another unit has taken its name'] });
  const slow = {
    ...left,
    status: { ...left.status, conditions: [{ type: 'SlowToStop', status: 'True', message: 'It is slow.' }] },
  };
  expect(unitSummary(slow as Unit)?.why).toContain('It is slow.');
});

test('one that fails on many hosts names some of them', () => {
  const many = Array.from({ length: 9 }, (_, at) => host({ nodeName: `n${at}`, activeState: 'failed', error: 'it has failed' }));
  expect(unitSummary(unit(many))?.why).toEqual([
    ...many.slice(0, 5).map(({ nodeName }) => `${nodeName}: it has failed`),
    'and 4 more',
  ]);
});
