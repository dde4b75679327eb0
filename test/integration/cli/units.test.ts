import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execEnd, execOutput } from '../../../core/node/exec-frames.ts';
import type { Unit } from '../../../core/resources/schema/unit.ts';
import { UnitHost } from '../../sim/units/unit-host.ts';
import { heard, node } from '../../support/builders.ts';
import { eventually } from '../../support/eventually.ts';
import { CLUSTER, ReconcileWorld, TENANT } from '../../support/reconcile-world.ts';
import { type TestTerrane, testTerrane } from './support.ts';

/** The command line over the real API, with the real controllers, and hosts of lists. */

const HELLO = '# says hello\n[Service]\nExecStart=/bin/sh -c "while true; do echo Hello; sleep 1; done"\n';
const UNITS = '/apis/terrane.dev/v1/units';

let terrane: TestTerrane;
let hosts: UnitHost[];
let living: ReturnType<typeof setInterval>;
let world: ReconcileWorld;

beforeEach(async () => {
  terrane = await testTerrane();
  world = new ReconcileWorld({}, terrane.kube.keyspace);
  hosts = ['n1', 'n2'].map((name) => new UnitHost(name, { startMs: 100, stopMs: 100 }));
  for (const { name } of hosts) await world.create(node(name, { labels: { 'terrane.dev/systemd': 'true' } }));
  let busy = false;
  living = setInterval(() => {
    if (busy) return;
    busy = true;
    void live().finally(() => (busy = false));
  }, 5);
  for (const [name, text] of [
    ['hello.service', HELLO],
    ['web@.service', `${HELLO}[X-Fleet]\nConflicts=web@*.service\n`],
    ['all.service', `${HELLO}[X-Fleet]\nGlobal=true\n`],
    ['ssd.service', `${HELLO}[X-Fleet]\nMachineMetadata=disk=ssd\n`],
  ] as const)
    await writeFile(file(name), text);
});
afterEach(async () => {
  clearInterval(living);
  await terrane.stop();
});

async function live(): Promise<void> {
  world.now += 50;
  for (const host of hosts) {
    host.step(world.assignment(host.name)?.units ?? [], world.now);
    await world.inbox.put(TENANT, CLUSTER, heard(host.name, world.now, { units: host.reports() }));
  }
  await world.reconcile();
}

const file = (name: string) => join(terrane.directory, name);
const unit = (...args: string[]) => terrane.run(['unit', ...args]);
const stored = (name: string) => terrane.kube.json<Unit & Record<string, unknown>>('GET', `${UNITS}/${name}`);
const starts = (name: string) => hosts.flatMap(({ runs }) => runs).filter((run) => run.unit === name).length;

describe('terrane unit', () => {
  test('submits, loads, starts, stops, unloads and destroys, and waits for each', async () => {
    expect(await unit('submit', file('hello.service'))).toMatchObject({ code: 0, stdout: 'unit hello.service inactive\n' });
    expect(await unit('load', 'hello')).toMatchObject({ code: 0, stdout: 'unit hello.service loaded on n1\n' });
    expect(await unit('start', 'hello')).toMatchObject({ code: 0, stdout: 'unit hello.service launched on n1\n' });
    expect((await unit('list')).stdout).toMatch(/UNIT +HOST +ACTIVE +SUB\nhello.service +n1 +active +running\n/);
    expect(await unit('stop', 'hello')).toMatchObject({ code: 0, stdout: 'unit hello.service loaded on n1\n' });
    expect(await unit('unload', 'hello')).toMatchObject({ code: 0, stdout: 'unit hello.service inactive\n' });
    expect((await unit('list-files')).stdout).toMatch(/hello.service +[0-9a-f]{7} +inactive +inactive +-\n/);
    expect(await unit('destroy', 'hello')).toMatchObject({ code: 0, stdout: 'unit hello.service destroyed\n' });
    expect((await unit('list-files')).stderr).toContain('no units yet');
  });

  test('restarts: each time a new process', async () => {
    await unit('start', file('hello.service'));
    for (let round = 0; round < 5; round++) expect((await unit('restart', 'hello')).code).toBe(0);
    expect(starts('hello.service')).toBe(6);
  });

  test('keeps the file as it is, comments too, and prints it', async () => {
    await unit('submit', file('hello.service'));
    expect((await unit('cat', 'hello')).stdout).toBe(HELLO);
  });

  test('takes another text only with --replace', async () => {
    await unit('start', file('hello.service'));
    await writeFile(file('hello.service'), HELLO.replace('Hello', 'Bye'));
    const kept = await unit('start', file('hello.service'));
    expect([kept.code, kept.stderr]).toEqual([0, expect.stringContaining('add --replace')]);
    expect((await stored('hello.service')).spec.contents).toContain('Hello');
    expect((await unit('start', '--replace', file('hello.service'))).code).toBe(0);
    expect((await stored('hello.service')).spec.contents).toContain('Bye');
    expect(starts('hello.service')).toBe(2);
  });

  test('starts instances of a template, from the cluster or from the folder', async () => {
    await unit('submit', file('web@.service'));
    expect((await unit('start', 'web@1', 'web@2')).stdout).toBe(
      'unit web@1.service launched on n1\nunit web@2.service launched on n2\n',
    );
    await unit('destroy', 'web@1', 'web@2', 'web@');
    expect((await unit('start', file('web@3.service'))).stdout).toBe('unit web@3.service launched on n1\n');
  });

  test('brings a changed template to its instances one by one, when told to', async () => {
    await unit('submit', file('web@.service'));
    await unit('start', 'web@1', 'web@2');
    await writeFile(file('web@.service'), HELLO.replace('Hello', 'Bye'));
    await unit('submit', '--replace', file('web@.service'));
    expect(await unit('start', 'web@1')).toMatchObject({
      code: 0,
      stderr: "unit web@1.service in the cluster has another text than its template: add --replace to take the template's\n",
    });
    expect((await unit('start', '--replace', 'web@1')).stdout).toContain('unit web@1.service launched on n1');
    expect([(await unit('cat', 'web@1')).stdout, (await unit('cat', 'web@2')).stdout]).toEqual([
      expect.stringContaining('Bye'),
      expect.stringContaining('Hello'),
    ]);
    expect([starts('web@1.service'), starts('web@2.service')]).toEqual([2, 1]);
  });

  test('says why a unit is on no host, and gives up when the time is over', async () => {
    const { code, stderr } = await unit('start', '--timeout', '60s', file('ssd.service'));
    expect(code).toBe(1);
    expect(stderr).toContain("ssd.service: 0/2 nodes are available: 2 node(s) didn't match MachineID or MachineMetadata.");
    expect(stderr).toContain('is inactive after 60 s, not launched');
    const status = await unit('status', 'ssd');
    expect(status.stdout).toContain('Why:      0/2 nodes are available');
    expect(status.stdout).toContain('FailedScheduling');
    expect((await unit('list')).stdout).toMatch(
      /ssd.service +- +- +- +0\/2 nodes are available: .* terrane node label NODE disk=ssd/,
    );
  });

  test('shows a unit with its host, the end of its journal and what happened', async () => {
    await unit('start', file('hello.service'));
    terrane.kube.answerLogs({ ok: true, body: new Blob(['Nov 25 n1 hello[1]: Hello\n']).stream() });
    const { stdout } = await unit('status', 'hello');
    expect(stdout).toMatch(/Unit: +hello.service\nDesired: +launched\nState: +launched\n/);
    expect(stdout).toMatch(/n1 +loaded +active +running/);
    expect(stdout).toContain('hello[1]: Hello');
    expect(stdout).toContain('Successfully assigned hello.service to n1');
    terrane.kube.answerLogs({ ok: false, status: 503, message: 'node n1 is not connected' });
    expect((await unit('status', 'hello')).stdout).toContain('(no journal: ');
  });

  test('prints the journal of the host that has the unit, as it was asked for', async () => {
    await unit('start', file('hello.service'));
    terrane.kube.answerLogs({ ok: true, body: new Blob(['one\ntwo\n']).stream() });
    expect((await unit('journal', '-f', '--lines', '5', '--output', 'cat', 'hello')).stdout).toBe('one\ntwo\n');
    expect(terrane.kube.asked.at(-1)).toMatchObject({
      node: 'n1',
      request: { kind: 'journal', unit: 'hello.service', follow: true, lines: 5, output: 'cat' },
    });
  });

  test('runs a command on the host, with both of its outputs and its exit code', async () => {
    await unit('start', file('hello.service'));
    const bytes = (text: string) => new TextEncoder().encode(text);
    const frames = [execOutput('stdout', bytes('out\n')), execOutput('stderr', bytes('err\n')), execEnd({ exitCode: 3 })];
    terrane.kube.answerLogs({ ok: true, body: new Blob([Buffer.concat(frames)]).stream() });
    const result = await unit('exec', 'hello', 'ls', '-l', '--json');
    expect(result).toMatchObject({ code: 3, stdout: 'out\n' });
    expect(result.stderr).toContain('err\n');
    expect(terrane.kube.asked.at(-1)?.request).toMatchObject({ kind: 'exec', command: ['ls', '-l', '--json'] });
    expect(terrane.kube.writes.at(-1)).toMatchObject({ kind: 'Unit', subresource: 'exec', name: 'hello.service' });
    terrane.kube.answerLogs({ ok: true, body: new Blob([Buffer.concat(frames)]).stream() });
    expect((await unit('exec', 'hello', '--', 'grep', '--', '-x')).code).toBe(3);
    expect(terrane.kube.asked.at(-1)?.request).toMatchObject({ command: ['grep', '--', '-x'] });
    expect((await unit('exec', 'hello', '--')).code).not.toBe(0);
    terrane.kube.answerLogs({ ok: true, body: new Blob([Buffer.from(execOutput('stdout', bytes('half')))]).stream() });
    expect((await unit('exec', 'hello', 'ls')).stderr).toContain('broke off');
    terrane.kube.as('editor');
    expect((await unit('exec', 'hello', 'ls')).code).toBe(4);
  });

  test('asks on which host, where there are several', async () => {
    expect((await unit('start', file('all.service'))).stdout).toBe('unit all.service launched on n1, n2\n');
    expect((await unit('journal', 'all')).stderr).toContain('choose one of n1, n2');
    terrane.kube.answerLogs({ ok: true, body: new Blob(['x\n']).stream() });
    expect((await unit('journal', '--host', 'n2', 'all')).stdout).toBe('x\n');
    expect((await unit('journal', '--host', 'n9', 'all')).stderr).toContain('is not on host n9');
  });

  test('leaves a node that is drained, for one that may have it, and is told where it went or why it stays', async () => {
    await unit('start', file('hello.service'), file('all.service'));
    await writeFile(file('pin.service'), `${HELLO}[X-Fleet]\nMachineID=n1\n`);
    await writeFile(file('odd.service'), `${HELLO}[X-Fleet]\nConflicts=o*.service\nMachineMetadata=kubernetes.io/arch=odd\n`);
    await terrane.kube.json('PATCH', '/api/v1/nodes/n1', { metadata: { labels: { 'kubernetes.io/arch': 'odd' } } });
    await unit('start', file('pin.service'), file('odd.service'));
    const { code, stdout, stderr } = await terrane.run(['node', 'drain', 'n1']);
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: 'node/n1 drained: 0 pods and 1 units moved, 1 units on no host now. Bring it back with: terrane node uncordon n1\n',
    });
    expect(stderr).toContain('unit hello.service is on n2\n');
    expect(stderr).toMatch(/unit odd.service is on no host: 0\/2 nodes are available: .*1 node\(s\) were unschedulable/);
    expect(stderr).toContain('unit pin.service stays: MachineID names that host\n');
    expect(hosts[0]!.runs.filter(({ unit: name, endedAt }) => name === 'hello.service' && endedAt === undefined)).toEqual([]);
    expect((await unit('status', 'pin')).stdout).toContain('Why:      It stays on n1, though its host is being drained');
    expect((await terrane.run(['get', 'units', '-o', 'wide'])).stdout).toContain('It stays on n1');
    await terrane.must(['node', 'uncordon', 'n1']);
    expect((await unit('start', 'odd')).stdout).toBe('unit odd.service launched on n1\n');
    expect(await terrane.kube.json('GET', '/api/v1/nodes/n1')).not.toHaveProperty([
      'metadata',
      'annotations',
      'terrane.dev/drain',
    ]);
  });

  test('a drain ends when its node is uncordoned before its units have left', async () => {
    await unit('start', file('hello.service'));
    clearInterval(living);
    const draining = terrane.run(['node', 'drain', 'n1']);
    await eventually('it is being drained', async () =>
      expect(await terrane.kube.json('GET', '/api/v1/nodes/n1')).toMatchObject({ spec: { unschedulable: true } }),
    );
    await terrane.must(['node', 'uncordon', 'n1']);
    const { code, stderr } = await draining;
    expect(code).toBe(1);
    expect(stderr).toContain('node n1 was uncordoned before hello.service had left it');
  });

  test('refuses what is wrong with what to do, and goes on with the others', async () => {
    await writeFile(file('bad.service'), '[Service\nExecStart=/x\n');
    const { code, stdout, stderr } = await unit('start', file('bad.service'), file('hello.service'));
    expect(code).toBe(1);
    expect(stdout).toBe('unit hello.service launched on n1\n');
    expect(stderr).toContain('line 1: unable to find end of section');
    expect((await unit('start', 'missing')).stderr).toContain('there is no unit missing.service, and no file missing');
    expect((await unit('start', file('web@.service'))).stderr).toContain('a template can only be inactive');
    expect((await unit('stop', 'missing')).stderr).toContain('terrane unit list-files');
    expect((await unit('stop', 'helo')).stderr).toContain('Did you mean hello.service?');
    expect((await unit('start', 'hello.servcie')).stderr).toContain('Did you mean hello.service?');
    await writeFile(file('typo.service'), `${HELLO}[X-Fleet]\nMachineMetdata=disk=ssd\n`);
    const typo = await unit('start', file('typo.service'));
    expect([typo.code, typo.stderr]).toEqual([
      0,
      'warning: [X-Fleet] has no option MachineMetdata, so it counts for nothing: did you mean MachineMetadata?\n',
    ]);
    expect((await unit('status', 'hello', 'typo')).stdout).toMatch(/Unit: +hello.service\n[^]*\n\nUnit: +typo.service\n/);
    expect((await unit('journal', '--output', 'verbose', 'x')).code).toBe(2);
    for (const words of [['journal'], ['exec'], ['status'], ['cat']])
      expect((await unit(...words, 'missing', ...(words[0] === 'exec' ? ['--', 'true'] : []))).stderr).toContain(
        'there is no unit missing.service',
      );
  });

  test('takes names without their type, be there a dot in them', async () => {
    await writeFile(file('kick.0.service'), HELLO);
    expect((await unit('start', file('kick.0'))).stdout).toBe('unit kick.0.service launched on n1\n');
    expect((await unit('restart', 'kick.0')).stdout).toContain('kick.0.service');
  });
});
