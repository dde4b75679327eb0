import { beforeEach, describe, expect, test } from '@jest/globals';
import { node } from '../../../test/support/builders.ts';
import { TestCluster } from '../../../test/support/cluster.ts';
import { unit } from '../../../test/support/units.ts';
import { findCondition } from '../conditions.ts';
import { explainUnit } from './explain.ts';
import { lookupsIn } from './lookups.ts';

const host = (name: string, labels: Record<string, string> = {}) =>
  node(name, { labels: { 'terrane.dev/systemd': 'true', ...labels } });

let cluster: TestCluster;
beforeEach(async () => {
  cluster = await TestCluster.with(host('n1'), host('n2'), host('n3'));
});

/** What the unit says of why it is on no host. */
async function whyNot(name: string): Promise<string | undefined> {
  await cluster.settle();
  return findCondition(cluster.get('Unit', name, '').status?.conditions, 'Placed')?.message;
}
const add = (name: string, fleet?: string, more: Parameters<typeof unit>[1] = {}) =>
  cluster.create(unit(name, { ...(fleet !== undefined && { fleet }), ...more }));

describe('a unit on no host says what to change', () => {
  test('and never to give a label, or to start a unit, that there can not be', async () => {
    await add('a.service', 'MachineMetadata="disk=$(reboot)"');
    expect(await whyNot('a.service')).toContain('No host has disk=$(reboot): no label can be that, so change MachineMetadata');
    await add('b.service', 'MachineOf=a');
    expect(await whyNot('b.service')).toContain(
      "MachineOf names a, which can be no unit's name: write it whole, such as db.service",
    );
    await add('c.service', 'MachineOf=web@.service');
    expect(await whyNot('c.service')).toContain('MachineOf names web@.service, which is a template: name an instance of it.');
  });

  test('when no host has the label that it asks for, or none has all', async () => {
    await add('a.service', 'MachineMetadata=disk=ssd "disk=nvme"');
    expect(await whyNot('a.service')).toBe(
      "0/3 nodes are available: 3 node(s) didn't match MachineID or MachineMetadata. " +
        'No host has disk=ssd or nvme: terrane node label NODE disk=ssd',
    );
    await cluster.create(host('n4', { gpu: 'yes' }));
    await cluster.create(host('n5', { net: 'fast' }));
    await add('b.service', 'MachineMetadata=gpu=yes\nMachineMetadata=net=fast');
    expect(await whyNot('b.service')).toContain('No host has all of gpu=yes, net=fast');
  });

  test('when MachineID is none of the hosts, or one that lacks a label', async () => {
    await add('a.service', 'MachineID=nope');
    expect(await whyNot('a.service')).toContain('MachineID=nope is none of the hosts: give the name of one, such as n1,');
    await add('b.service', 'MachineID=n2\nMachineMetadata=disk=ssd');
    expect(await whyNot('b.service')).toContain("n2 hasn't disk=ssd: terrane node label n2 disk=ssd");
  });

  test('when others are in its way, whichever of them says so, and not anew whenever one of many moves', async () => {
    for (const name of ['w@1', 'w@2', 'w@3', 'w@4']) await add(`${name}.service`, 'Conflicts=w@*');
    expect(await whyNot('w@4.service')).toBe(
      '0/3 nodes are available: 3 node(s) had a unit that Conflicts or Replaces names. ' +
        "It can't be beside w@1.service on n1, w@2.service on n2, w@3.service on n3. Unload one of them, or add a host.",
    );
    await add('wider.service', 'Conflicts=narrow.service');
    await cluster.settle();
    await add('narrow.service', 'MachineID=n1');
    await add('beside.service', 'MachineOf=narrow.service\nConflicts=none');
    expect(await whyNot('narrow.service')).toContain("It can't be beside wider.service on n1.");
    expect(await whyNot('beside.service')).toContain('MachineOf names narrow.service, which is on no host either.');
  });

  test('when MachineOf names what is not loaded, two on different hosts, or one that it can not be beside', async () => {
    await add('idle.service', undefined, { desiredState: 'inactive' });
    await add('a.service', 'MachineOf=idle.service');
    expect(await whyNot('a.service')).toContain(
      'MachineOf names idle.service, which is not loaded: terrane unit start idle.service',
    );
    await add('x.service', 'MachineID=n1');
    await add('y.service', 'MachineID=n2');
    await cluster.settle();
    await add('z.service', 'MachineOf=x.service\nMachineOf=y.service');
    expect(await whyNot('z.service')).toContain('MachineOf names x.service on n1 and y.service on n2: no host has both.');
    await add('c.service', 'MachineOf=x.service\nMachineMetadata=disk=ssd');
    expect(await whyNot('c.service')).toContain('No host has disk=ssd');
  });

  test('when it asks for more than there is, is cordoned out, or no host has systemd', async () => {
    await add('big.service', undefined, { contents: '[Service]\nExecStart=/x\nMemoryMax=9000G\n' });
    expect(await whyNot('big.service')).toBe(
      '0/3 nodes are available: 3 Insufficient Memory. Lower what CPUQuota and MemoryMax ask for, or add a host.',
    );
    await cluster.edit('Node', 'n2', ({ spec }) => void (spec!.unschedulable = true), '');
    await add('pinned.service', 'MachineID=n2');
    expect(await whyNot('pinned.service')).toContain('n2 is cordoned: terrane node uncordon n2');
    cluster = await TestCluster.with(node('bare'));
    await add('a.service');
    expect(await whyNot('a.service')).toContain('Units need a host with systemd: join one.');
  });

  test('in not too many words, whatever its file names', async () => {
    await add('a.service', Array.from({ length: 200 }, (_, at) => `MachineMetadata=disk=${'long'.repeat(10)}${at}`).join('\n'));
    expect((await whyNot('a.service'))!.length).toBeLessThanOrEqual(1003);
  });

  test('when it is global and suits no host, or is in the way of one that is everywhere', async () => {
    await add('a.service', 'Global=true\nMachineMetadata=disk=ssd');
    expect(await whyNot('a.service')).toContain('No host has disk=ssd');
    await add('g1.service', 'Global=true\nConflicts=g*');
    await add('g2.service', 'Global=true');
    expect(await whyNot('g2.service')).toContain("It can't be beside g1.service on 3 hosts.");
  });
});

test('a unit that has to leave its host says why', async () => {
  const leaving = async (name: string) => {
    await cluster.settle();
    return cluster.get('Unit', name, '').status?.hosts?.[0]?.leaving;
  };
  await add('old.service');
  await cluster.settle();
  await add('new.service', 'Replaces=old.service');
  expect(await leaving('old.service')).toBe('new.service replaces it there');
  await cluster.create(host('n4', { disk: 'ssd' }));
  await add('a.service', 'MachineMetadata=disk=ssd');
  await cluster.settle();
  await cluster.edit('Node', 'n4', ({ metadata }) => void delete metadata.labels!['disk'], '');
  expect(await leaving('a.service')).toBe('its host is not one that its MachineID or MachineMetadata asks for');
  await add('b.service');
  await cluster.settle();
  await cluster.edit('Unit', 'b.service', ({ spec }) => void (spec.contents += '[X-Fleet]\nMachineOf=old.service\n'), '');
  expect(await leaving('b.service')).toBe('it has to be with old.service, which MachineOf names');
});

test('hosts are looked through once for all units that wait, not once for each', () => {
  let looks = 0;
  const machines = Array.from({ length: 50 }, (_, at) => ({
    id: `n${at}`,
    get metadata() {
      looks++;
      return { zone: `z${at % 2}` };
    },
    node: host(`n${at}`),
  }));
  const waiting = Array.from({ length: 200 }, (_, at) => unit(`w${at}.service`, { fleet: `MachineMetadata=disk=${at}` }));
  const all = { machines, units: new Map(waiting.map((one) => [one.metadata.name, one])), onHosts: [] };
  const situation = { ...all, placements: new Map(), lookups: lookupsIn(all) };
  const refusals = new Map([["node(s) didn't match Pod's node affinity/selector", 50]]);
  for (const [at, one] of waiting.entries())
    expect(explainUnit(one, refusals, situation)).toContain(`No host has disk=${at}: terrane node label NODE disk=${at}`);
  expect(looks).toBeLessThanOrEqual(100);
});
