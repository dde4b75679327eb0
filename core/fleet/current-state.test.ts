import { describe, expect, test } from '@jest/globals';
import { unit, unitHost } from '../../test/support/units.ts';
import type { Unit, UnitHost } from '../resources/schema/unit.ts';
import { currentStateOf } from './current-state.ts';

const at = (desiredState: Unit['spec']['desiredState'], ...hosts: UnitHost[]) =>
  currentStateOf(unit('a.service', { desiredState, generation: 3, hosts }));

describe('the current state of a unit', () => {
  test('is inactive on no host, and as long as its host said nothing of it', () => {
    expect(at('launched')).toBe('inactive');
    expect(at('launched', unitHost('n1'))).toBe('inactive');
  });

  test('is loaded once its host has it', () => {
    expect(at('launched', unitHost('n1', { hash: 'h', activeState: 'inactive' }))).toBe('loaded');
  });

  test('is launched once it was started as it is wanted now, and not while it starts', () => {
    const active = { hash: 'h', activeState: 'active', subState: 'running' };
    expect(at('launched', unitHost('n1', { ...active, launched: 3 }))).toBe('launched');
    expect(at('launched', unitHost('n1', { ...active, launched: 2 }))).toBe('loaded');
    expect(at('launched', unitHost('n1', { ...active, launched: 3, activeState: 'activating', subState: 'start-pre' }))).toBe(
      'loaded',
    );
  });

  test('is launched if it failed: nothing more is going to happen', () => {
    for (const [activeState, subState] of [
      ['failed', 'failed'],
      ['activating', 'auto-restart'],
      ['inactive', 'dead'],
    ] as const)
      expect(at('launched', unitHost('n1', { hash: 'h', launched: 3, activeState, subState }))).toBe('launched');
  });

  test('stays launched until it was stopped', () => {
    expect(at('loaded', unitHost('n1', { hash: 'h', launched: 2, activeState: 'active' }))).toBe('launched');
    expect(at('loaded', unitHost('n1', { hash: 'h', launched: 2, activeState: 'deactivating' }))).toBe('launched');
    expect(at('loaded', unitHost('n1', { hash: 'h', launched: 2, activeState: 'inactive' }))).toBe('loaded');
  });

  test('of a Global unit is that of the host that is behind the others', () => {
    const done = unitHost('n1', { hash: 'h', launched: 3, activeState: 'active' });
    expect(at('launched', done, unitHost('n2', { hash: 'h', activeState: 'inactive' }))).toBe('loaded');
    expect(at('launched', done, { ...done, nodeName: 'n2' })).toBe('launched');
  });
});
