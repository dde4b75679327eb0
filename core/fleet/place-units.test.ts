import { describe, expect, test } from '@jest/globals';
import { explainRefusals } from '../scheduler/explain.ts';
import { type Machine, placeUnits, type PlaceableUnit } from './place-units.ts';
import { requirementsOf } from './requirements.ts';
import { parseUnitFile } from './unit-file.ts';

/** After fleet's own functional tests. */

const machines: Machine[] = ['aaaaaaaa1', 'bbbbbbbb2', 'cccccccc3'].map((id, index) => ({
  id,
  metadata: { region: index < 2 ? 'eu' : 'us', hostname: `smoke${index}` },
}));
const unit = (name: string, xFleet = '', machineId?: string): PlaceableUnit => ({
  name,
  requirements: requirementsOf(name, parseUnitFile(`[X-Fleet]\n${xFleet}`)),
  ...(machineId !== undefined && { machineId }),
});
const place = (units: PlaceableUnit[], on = machines) =>
  Object.fromEntries(
    [...placeUnits(units, on)].map(([name, placement]) => [
      name,
      'machineId' in placement
        ? placement.machineId
        : 'machineIds' in placement
          ? placement.machineIds
          : explainRefusals(on.length, placement.refusals),
    ]),
  );
const [A, B, C] = machines.map(({ id }) => id) as [string, string, string];

describe('units', () => {
  test('go to the machine with the fewest, by id where that is equal', () => {
    expect(place(['a', 'b', 'c', 'd'].map((name) => unit(`${name}.service`)))).toEqual({
      'a.service': A,
      'b.service': B,
      'c.service': C,
      'd.service': A,
    });
  });

  test('are spread evenly over many machines as well, and only those of a lost one move', () => {
    const many = Array.from({ length: 100 }, (_, index) => ({ id: `m${String(index).padStart(3, '0')}`, metadata: {} }));
    const thousand = Array.from({ length: 1_000 }, (_, index) => unit(`u${index}.service`));
    const placed = place(thousand, many);
    const counts = new Map<string, number>();
    for (const home of Object.values(placed)) counts.set(String(home), (counts.get(String(home)) ?? 0) + 1);
    expect([...new Set(counts.values())]).toEqual([10]);
    const settled = thousand.map((each) => ({ ...each, machineId: String(placed[each.name]) }));
    const after = place(settled, many.slice(1));
    const moved = Object.keys(placed).filter((name) => after[name] !== placed[name]);
    expect(moved).toEqual(Object.keys(placed).filter((name) => placed[name] === 'm000'));
  });

  test('stay where they are as long as they may', () => {
    const settled = ['a', 'b', 'c'].map((name) => unit(`${name}.service`, '', A));
    expect(new Set(Object.values(place(settled)))).toEqual(new Set([A]));
    const gone = place([unit('a.service', '', 'no-longer-there'), unit('b.service', '', B)]);
    expect(gone).toEqual({ 'a.service': A, 'b.service': B });
  });

  test('with MachineOf are together, and move together when their machine dies', () => {
    const pairs = (at?: string) =>
      ['1', '2', '3'].flatMap((n) => [
        unit(`ping.${n}.service`, '', at),
        unit(`pong.${n}.service`, `MachineOf=ping.${n}.service`, at),
      ]);
    const placed = place(pairs());
    for (const n of ['1', '2', '3']) expect(placed[`ping.${n}.service`]).toBe(placed[`pong.${n}.service`]);
    expect(new Set(Object.values(placed)).size).toBe(3);
    const moved = place(pairs(A), machines.slice(1));
    for (const n of ['1', '2', '3']) expect(moved[`ping.${n}.service`]).toBe(moved[`pong.${n}.service`]);
  });

  test('with MachineOf a unit that is not there wait, and say so', () => {
    expect(place([unit('pong.service', 'MachineOf=ping.service')])['pong.service']).toBe(
      "0/3 nodes are available: 3 node(s) didn't match pod affinity rules.",
    );
  });

  test('that conflict are on different machines, in either direction, and one too many waits', () => {
    const mutual = place(['1', '2', '3', '4', '5'].map((n) => unit(`conflict@${n}.service`, 'Conflicts=conflict@*.service')));
    const homes = Object.values(mutual).filter((home) => machines.some(({ id }) => id === home));
    expect([homes.length, new Set(homes).size]).toEqual([3, 3]);
    const [only] = machines;
    expect(place([unit('hello.service'), unit('x.service', 'Conflicts=hello.service', A)], [only!])['hello.service']).toContain(
      "1 node(s) didn't satisfy existing pods anti-affinity rules",
    );
  });

  test('that name a machine go there, by the short id too, or nowhere', () => {
    expect(
      place([unit('a.service', `MachineID=${B}`), unit('b.service', 'MachineID=cccccccc'), unit('c.service', 'MachineID=zzz')]),
    ).toEqual({
      'a.service': B,
      'b.service': C,
      'c.service': "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
    });
  });

  test('that ask for metadata go where it is: one of the values of each label', () => {
    expect(place([unit('metadata@smoke1.service', 'MachineMetadata=hostname=%i')])).toEqual({ 'metadata@smoke1.service': B });
    expect(place([unit('a.service', 'MachineMetadata=region=us\nMachineMetadata=region=ap')])).toEqual({ 'a.service': C });
    expect(place([unit('a.service', 'MachineMetadata="region=eu" "hostname=smoke1"')])).toEqual({ 'a.service': B });
    expect(place([unit('metadata@invalid.service', 'MachineMetadata=hostname=%i')])['metadata@invalid.service']).toContain('0/3');
  });

  test('that are global are on every machine that fits, and of two that conflict only the first runs', () => {
    expect(place([unit('all.service', 'Global=true'), unit('eu.service', 'Global=yes\nMachineMetadata=region=eu')])).toEqual({
      'all.service': [A, B, C],
      'eu.service': [A, B],
    });
    const both = place([
      unit('one.service', 'Global=true\nConflicts=two.service'),
      unit('two.service', 'Global=true\nConflicts=one.service'),
    ]);
    expect(both).toEqual({ 'one.service': [A, B, C], 'two.service': [] });
  });

  test('that replace another take its place, and it moves; two that replace each other do not', () => {
    const [first, second] = machines;
    const kicked = place(
      [unit('replace.0.service', '', A), unit('kick0.service', 'Replaces=replace.0.service')],
      [first!, second!],
    );
    expect(kicked).toEqual({ 'kick0.service': A, 'replace.0.service': B });
    const settled = [unit('replace.0.service', '', B), unit('kick0.service', 'Replaces=replace.0.service', A)];
    expect(place(settled, [first!, second!])).toEqual(kicked);
    const alone = place([unit('replace.0.service', '', A), unit('kick0.service', 'Replaces=replace.0.service')], [first!]);
    expect(alone['kick0.service']).toBe(A);
    expect(alone['replace.0.service']).toContain('0/1');
    const circular = place([unit('a.service', 'Replaces=b.service', A), unit('b.service', 'Replaces=a.service')], [first!]);
    expect([circular['a.service'], String(circular['b.service']).startsWith('0/1')]).toEqual([A, true]);
    const ring = ['a', 'b', 'c'].map((name, at, all) =>
      unit(`${name}.service`, `Replaces=${all[(at + 1) % 3]}.service`, at > 0 ? A : undefined),
    );
    expect(Object.values(place(ring, [first!])).filter((home) => home === A)).toHaveLength(1);
  });

  test('of a lost machine move alone: the others stay where they are', () => {
    const conflicts = (n: number, at?: string) => unit(`c@${n}.service`, 'Conflicts=c@*.service', at);
    const four = [...machines, { id: 'dddddddd4', metadata: {} }];
    const before = place([conflicts(1, A), conflicts(2, B), conflicts(3, C)], four);
    expect(before).toEqual({ 'c@1.service': A, 'c@2.service': B, 'c@3.service': C });
    expect(place([conflicts(1, A), conflicts(2, B), conflicts(3, C)], four.slice(1))).toEqual({
      'c@1.service': 'dddddddd4',
      'c@2.service': B,
      'c@3.service': C,
    });
  });
});

describe('machines', () => {
  const closed = (which: string) => machines.map((each) => ({ ...each, closed: each.id === which }));

  test('that are closed take nothing new, and keep what they have', () => {
    const units = [unit('a.service', '', A), unit('b.service'), unit('all.service', 'Global=true')];
    expect(place(units, closed(A))).toEqual({ 'a.service': A, 'b.service': B, 'all.service': [B, C] });
    const everywhere = { ...unit('all.service', 'Global=true'), machineIds: [A, B, C] };
    expect(place([everywhere], closed(A))).toEqual({ 'all.service': [A, B, C] });
  });

  test('keep a unit that is to leave until it has left: it still conflicts', () => {
    const leaving = { ...unit('old.service', 'MachineMetadata=region=nowhere', A), leaving: true };
    expect(
      place([leaving, unit('new.service', `Conflicts=old.service\nMachineMetadata=hostname=smoke0`)])['new.service'],
    ).toContain('0/3');
  });

  test('that have a unit keep it when one comes that conflicts with it, be it global', () => {
    const units = [unit('a.service', '', A), unit('all.service', 'Global=true\nConflicts=a.service')];
    expect(place(units)).toEqual({ 'a.service': A, 'all.service': [B, C] });
  });

  test('are not promised twice: units that ask for more than is left wait', () => {
    const room = new Map([
      ['cpu', 1000],
      ['memory', 1024],
    ]);
    const asking = ['a', 'b', 'c', 'd'].map((name) => ({
      ...unit(`${name}.service`),
      requests: new Map([['cpu', 600]]),
    }));
    const placed = place(
      [...asking, unit('modest.service')],
      machines.map((each) => ({ ...each, room })),
    );
    expect([placed['a.service'], placed['b.service'], placed['c.service']]).toEqual([A, B, C]);
    expect(placed['d.service']).toBe('0/3 nodes are available: 3 Insufficient CPU.');
    expect(placed['modest.service']).toBe(A);
  });

  test('are known by their name and by their machine id', () => {
    const named = machines.map((each, at) => ({ ...each, id: `host${at}`, machineId: each.id }));
    expect(
      place(
        [unit('a.service', `MachineID=${B}`), unit('b.service', 'MachineID=cccccccc'), unit('c.service', 'MachineID=host0')],
        named,
      ),
    ).toEqual({ 'a.service': 'host1', 'b.service': 'host2', 'c.service': 'host0' });
  });

  test('that have the other half of a pair get this one, or nobody does: the half that runs does not move', () => {
    const running = unit('ping.service', '', A);
    expect(place([running, unit('pong.service', 'MachineOf=ping.service')])).toEqual({ 'ping.service': A, 'pong.service': A });
    const impossible = place([running, unit('pong.service', 'MachineOf=ping.service\nMachineMetadata=region=us')]);
    expect(impossible['ping.service']).toBe(A);
    expect(impossible['pong.service']).toContain('0/3');
  });
});

test('a unit is never beside one that it conflicts with, although MachineOf ties them: one has a place, the other one waits', () => {
  const apart = [unit('a.service', 'MachineOf=b.service'), unit('b.service', 'Conflicts=a.service')];
  expect(place(apart)).toEqual({
    'a.service':
      "0/3 nodes are available: 1 node(s) didn't satisfy existing pods anti-affinity rules, 2 node(s) didn't match pod affinity rules.",
    'b.service': A,
  });
  // Round three corners, too.
  const chain = [
    unit('a.service', 'MachineOf=b.service'),
    unit('b.service', 'MachineOf=c.service'),
    unit('c.service', 'Conflicts=a*'),
  ];
  const placed = place(chain);
  expect(placed['c.service']).toBe(A);
  expect(placed['a.service']).not.toBe(A);
});

test('a global unit does not give way to one that Replaces it: it has nowhere else to go', () => {
  const placed = place([
    { ...unit('g.service', 'Global=true'), machineIds: [A, B, C] },
    unit('new.service', 'Replaces=g.service'),
  ]);
  expect(placed).toEqual({
    'g.service': [A, B, C],
    'new.service': "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
  });
});
