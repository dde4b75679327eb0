import { describe, expect, test } from '@jest/globals';
import { SLEEPER, unit, unitHost } from '../../test/support/units.ts';
import type { Unit } from '../resources/schema/unit.ts';
import { assignedUnits } from './assigned-units.ts';

const onN1 = (...units: Unit[]) => assignedUnits({ unitsOn: () => units }, 'n1');

describe('what a host is told of units', () => {
  test('is the text, what is wanted, and for which generation', () => {
    expect(
      onN1(
        unit('a.service', { generation: 4, hosts: [unitHost('n1', { placement: 2 })] }),
        unit('b.service', { desiredState: 'loaded', hosts: [unitHost('n1', { fenced: false })] }),
      ),
    ).toMatchObject([
      { name: 'a.service', placement: 2, contents: SLEEPER, desired: 'launched', generation: 4, fenced: true },
      { name: 'b.service', desired: 'loaded', fenced: false },
    ]);
  });

  test('is nothing of what the unit has to do with other hosts', () => {
    expect(onN1(unit('a.service', { hosts: [unitHost('n2')] }))).toEqual([]);
  });

  test('is that one shall go, if it leaves; one that is wanted nowhere is stopped until it is marked so', () => {
    expect(
      onN1(
        unit('a.service', { hosts: [unitHost('n1', { leaving: 'MachineMetadata' })] }),
        unit('b.service', { desiredState: 'inactive', hosts: [unitHost('n1')] }),
      ),
    ).toMatchObject([{ desired: 'absent', contents: '', stopSeconds: 600 }, { desired: 'loaded' }]);
  });

  test('is the earlier one, if that has to leave before the unit of today is placed', () => {
    expect(onN1(unit('a.service', { hosts: [unitHost('n1', { uid: 'earlier', placement: 7 })] }))).toMatchObject([
      { name: 'a.service', uid: 'earlier', placement: 7, desired: 'absent' },
    ]);
  });
});
