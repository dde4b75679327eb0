import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Diagnosis } from '../../../core/network/doctor/facts.ts';
import type { Node } from '../../../core/resources/schema/node.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { type LabHost, type Netlab, startNetlab } from '../../support/netlab/netlab.ts';

/** Networks that can't be: refused where that is known, named on the host where only that can know. */

const describeInLab = canRunDockerd() ? describe : describe.skip;

describeInLab('a network that can not be', () => {
  let lab: Netlab;
  let host: LabHost;

  beforeAll(async () => {
    lab = await startNetlab({ hosts: [], network: { backend: { type: 'vxlan' } } });
    host = await lab.addHost('a', { agent: false });
    await host.must('ip', 'link', 'add', 'office', 'type', 'bridge');
    await host.must('ip', 'addr', 'add', '10.244.77.1/24', 'dev', 'office');
    await host.must('ip', 'link', 'set', 'office', 'up');
    await host.startAgent();
  }, 120_000);
  afterAll(() => lab?.stop(), 60_000);

  test.each<[string, object, RegExp]>([
    ['too small', { network: '10.9.0.0/30' }, /spec\.network: Invalid value: "10\.9\.0\.0\/30": is too small .* \/28 or larger/],
    ['IPv6', { network: 'fd00::/48', backend: { type: 'vxlan' } }, /is IPv6, and the backend vxlan carries IPv4 only/],
    [
      'of a backend that nobody knows',
      { backend: { type: 'udp' } },
      /spec\.backend\.type: Unsupported value: "udp": supported values: "wireguard", "vxlan"/,
    ],
    ['no network', { network: 'ten-dot-nothing' }, /must be a block of IPv4 addresses/],
    ['with a field that there is not', { netwrok: '10.9.0.0/16' }, /netwrok/],
  ])('because it is %s is refused in words', async (_, spec, message) => {
    const network = { apiVersion: 'terrane.dev/v1', kind: 'Network', metadata: { name: 'default' }, spec };
    const { code, stderr } = await lab.installation.terrane(['apply', '-f', '-'], { stdin: JSON.stringify(network) });
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
  });

  async function condition(): Promise<string> {
    const { status } = await lab.installation.terraneJson<Node>(['get', 'node', 'a', '-o', 'json']);
    const found = status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  }

  test('because a host is in it already is left alone there, and the host says so; when that ends, it takes part', async () => {
    await eventually('the node says it', async () =>
      expect(await condition()).toMatch(
        /^True NetworkClash: .*10\.244\.0\.0\/16 overlaps 10\.244\.77\.0\/24, the network of office/,
      ),
    );
    expect(await host.must('ip', '-br', 'link')).not.toContain('terrane-');
    const { code, stdout } = await lab.installation.terrane(['net', 'doctor', '--host', 'a', '--json']);
    const [{ findings }] = (JSON.parse(stdout) as { hosts: [Diagnosis] }).hosts;
    expect([code, findings.find(({ check }) => check === 'overlap')]).toEqual([
      1,
      expect.objectContaining({
        status: 'problem',
        message: expect.stringContaining("overlaps the host's own 10.244.77.1/24 on office"),
      }),
    ]);
    await host.must('ip', 'link', 'del', 'office');
    await eventually('it takes part', async () => expect(await condition()).toMatch(/^False /));
    expect(await host.must('ip', '-br', 'link')).toContain('terrane-vx');
  });
});
