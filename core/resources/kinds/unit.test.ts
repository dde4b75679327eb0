import { describe, expect, test } from '@jest/globals';
import { SLEEPER, unit, unitHost } from '../../../test/support/units.ts';
import { assignedUnits } from '../../node/assigned-units.ts';
import type { Unit } from '../schema/unit.ts';
import { unitKind } from './unit.ts';

const problems = (name: string, spec: Partial<Unit['spec']>) => {
  const made = unit(name);
  made.spec = { contents: SLEEPER, ...spec };
  unitKind.defaults(made);
  return unitKind.validate(made).map(({ field, message }) => `${field}: ${message}`);
};
const cells = (of: Unit) => Object.fromEntries(unitKind.columns.map((column) => [column.name, column.cell(of, 0)]));

describe('a Unit', () => {
  test('is launched unless it says otherwise; a template is not', () => {
    for (const [name, state] of [
      ['a.service', 'launched'],
      ['a@.service', 'inactive'],
    ] as const) {
      const made = unit(name);
      delete made.spec.desiredState;
      unitKind.defaults(made);
      expect(made.spec.desiredState).toBe(state);
    }
  });

  test('is refused with what is wrong in its file, its options or its state', () => {
    expect(problems('a.service', {})).toEqual([]);
    expect(problems('a.service', { contents: '[Service\n' })[0]).toContain('spec.contents: ');
    expect(problems('a.service', { contents: `${SLEEPER}[X-Fleet]\nGlobal=true\nMachineID=x\n` })[0]).toContain(
      'MachineID cannot be used with Global',
    );
    expect(problems('a@.service', { desiredState: 'launched' })[0]).toContain('start an instance of it, such as a@1.service');
    expect(problems('a.service', { contents: 'x'.repeat(200_000) })[0]).toContain('at most');
  });

  test('shows where it is and how, or why it is nowhere', () => {
    const active = { activeState: 'active', subState: 'running', loadState: 'loaded' };
    expect(cells(unit('a.service', { hosts: [unitHost('n1', active)] }))).toMatchObject({
      Host: 'n1',
      Active: 'active',
      Sub: 'running',
    });
    const hosts = [unitHost('n1', active), unitHost('n2', active), unitHost('n3', { ...active, activeState: 'failed' })];
    expect(cells(unit('all.service', { fleet: 'Global=true', hosts }))).toMatchObject({
      Host: '3 hosts',
      Active: '1 failed, 2 active',
    });
    const nowhere = unit('a.service');
    nowhere.status = {
      conditions: [{ type: 'Placed', status: 'False', message: '0/1 nodes are available: 1 Insufficient CPU.' }],
    };
    expect(cells(nowhere)).toMatchObject({
      Host: '<none>',
      State: 'inactive',
      Why: '0/1 nodes are available: 1 Insufficient CPU.',
    });
  });

  test('that can not be read, since rules became stricter, keeps no other from its host, nor from being shown', () => {
    const bad = unit('bad.service', { contents: '[Service\n', hosts: [unitHost('n1')] });
    const good = unit('good.service', { hosts: [unitHost('n1')] });
    expect(assignedUnits({ unitsOn: () => [bad, good] }, 'n1').map(({ name }) => name)).toEqual(['bad.service', 'good.service']);
    expect(cells(bad)).toMatchObject({ Name: 'bad.service' });
  });
});
