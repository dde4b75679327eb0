import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Diagnosis } from '../../../core/network/doctor/facts.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { type LabHost, type Netlab, startNetlab } from '../../support/netlab/netlab.ts';
import { packetsIn } from '../../support/netlab/pcap.ts';
import { expectMtu, expectSourceKept } from '../../support/netlab/expect-packets.ts';
import { allPairs, type LabPod, nodesOf, startPods } from '../../support/netlab/pods.ts';

/** Packets between pods that go as they are: host-gw, and VXLAN with direct routing, while hosts move between links. */

const SETTINGS = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'cluster-settings', namespace: 'terrane-system' },
  data: { reportSeconds: '2', pollSeconds: '5' },
};
const SERVICE = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'door' },
  spec: { type: 'NodePort', selector: { app: 'h2' }, ports: [{ port: 80, nodePort: 30_080 }] },
};
const VXLAN_PORT = 8472;

(canRunDockerd() ? describe : describe.skip)('hosts on one link', () => {
  let lab: Netlab;
  let pods: LabPod[];
  let h1: LabHost;
  let h3: LabHost;

  beforeAll(async () => {
    lab = await startNetlab({ hosts: ['h1', 'h2', 'h3'], network: { backend: { type: 'host-gw' } } });
    await apply(SETTINGS);
    await apply(SERVICE);
    [h1, , h3] = lab.hosts as [LabHost, LabHost, LabHost];
    pods = await startPods(lab);
  }, 180_000);
  afterAll(async () => await lab?.stop(), 60_000);

  const reached = () => eventually('all pods reach each other', () => allPairs(pods), { timeoutMs: 60_000, everyMs: 500 });

  test('reach each other by routes over their own addresses, and nothing is wrapped', async () => {
    await reached();
    for (const from of lab.hosts)
      for (const to of lab.hosts)
        if (from !== to) expect(await routeTo(from, to)).toMatch(new RegExp(`via ${to.address} dev eth0 proto 84`));
    expect(await h1.must('ip', '-br', 'link')).not.toMatch(/terrane-/);
    expect(await pathOf(pods[0]!, pods[1]!)).toEqual(['plain']);
  });

  test('have all of the link for their pods: 1472 bytes pass in one piece, and 1473 are refused', async () => {
    await expectMtu(pods[0]!, pods[1]!, 1500);
  });

  test('who is asked sees the address of the pod that asks', async () => {
    await expectSourceKept(pods[0]!, pods[1]!);
  });

  test('their own programs reach pods of others, and so does who knocks at a node port', async () => {
    const ask = (host: LabHost, url: string) => host.must('curl', '-fsS', '-m', '3', url);
    await eventually('the host itself', async () => expect(await ask(h1, `http://${pods[1]!.ip}/`)).toBe('h2\n'));
    await eventually('the node port', async () => expect(await ask(h3, `http://${h1.address}:30080/`)).toBe('h2\n'));
  }, 60_000);

  test('with VXLAN and direct routing: as they are to hosts on the link, and through the tunnel to one that moves behind a router', async () => {
    await apply(network({ type: 'vxlan', directRouting: true }));
    await eventually('there is a tunnel', async () => expect(await h1.must('ip', '-br', 'link')).toContain('terrane-vx'));
    expect(await pathOf(pods[0]!, pods[2]!)).toEqual(['plain']);
    lab.move(h3, 'router');
    await pathsBecome('vxlan');
    expect(await pathOf(pods[0]!, pods[1]!)).toEqual(['plain']);
    await reached();
  }, 90_000);

  test('whom host-gw does not reach is named, with what to do, by the others, by itself and by the doctor', async () => {
    await apply(network({ type: 'host-gw' }));
    await eventually('the nodes say so', async () => {
      expect(await networkCondition('h1')).toMatch(/; 1 host is not on a link of this one.*: h3 \(192\.168\.78\.3\)/);
      expect(await networkCondition('h3')).toMatch(/; 2 hosts are not on a link of this one.*: h1 \(192\.168\.77\.1\), h2/);
    });
    const { stdout } = await lab.installation.terrane(['get', 'events', '-o', 'json']);
    expect(stdout).toMatch(/PeersNotOnLink/);
    expect(await h1.must('ip', '-br', 'link')).not.toContain('terrane-vx');
    const refused = await pods[0]!.run('ping', '-n', '-c', '1', '-W', '2', pods[2]!.ip);
    expect(refused.stdout + refused.stderr).toMatch(/unreachable|No route/i);
    await pods[0]!.ping(pods[1]!.ip);
    const { code, stdout: said } = await lab.installation.terrane(['net', 'doctor', '--host', 'h1', '--json']);
    const [{ findings }] = (JSON.parse(said) as { hosts: [Diagnosis] }).hosts;
    expect(code).toBe(1);
    // The lab has no name server of the outside.
    expect(findings.filter(({ check, status }) => status === 'problem' && check !== 'dns')).toEqual([
      expect.objectContaining({
        check: 'on-link',
        message: expect.stringContaining('h3 (192.168.78.3)'),
        fix: expect.stringMatching(/backend.*vxlan.*directRouting: true.*wireguard/),
      }),
    ]);
  }, 60_000);

  test('one that comes onto the link is reached from then on, and nobody is told of any more', async () => {
    lab.move(h3, 'switch');
    await pathsBecome('plain');
    await reached();
    await eventually('the nodes are content', async () => {
      for (const { name } of lab.hosts) expect(await networkCondition(name)).not.toContain('not on a link');
    });
  }, 90_000);

  test('from backend to backend nothing of the former one is left, also where the agent was away at the change', async () => {
    const leftOf = async (host: LabHost) => {
      const links = (await host.must('ip', '-br', 'link')).match(/^terrane-\w+/gm) ?? [];
      const routes = (await host.must('ip', 'route', 'show', 'proto', '84')).match(/dev \S+/g) ?? [];
      const ports = (await host.must('ss', '-Huln')).match(/(?<=:)(8472|51820)\b/g) ?? [];
      return { links, routes: [...new Set(routes)], ports: [...new Set(ports)] };
    };
    for (const [backend, left] of [
      ['wireguard', { links: ['terrane-wg'], routes: ['dev terrane-wg'], ports: ['51820'] }],
      ['vxlan', { links: ['terrane-vx'], routes: ['dev terrane-vx'], ports: ['8472'] }],
      ['host-gw', { links: [], routes: ['dev eth0'], ports: [] }],
    ] as const) {
      if (backend === 'wireguard') await h1.killAgent();
      await apply(network({ type: backend }));
      if (backend === 'wireguard') await h1.startAgent();
      await eventually(`${backend} is all that there is`, async () => {
        for (const host of lab.hosts) expect([host.name, await leftOf(host)]).toEqual([host.name, left]);
      });
      await reached();
    }
  }, 150_000);

  /** Between h1 and h3, both ways. */
  async function pathsBecome(path: string): Promise<void> {
    await eventually(
      `packets go by ${path}`,
      async () => {
        expect(await pathOf(pods[0]!, pods[2]!)).toEqual([path]);
        expect(await pathOf(pods[2]!, pods[0]!)).toEqual([path]);
      },
      { timeoutMs: 60_000, everyMs: 500 },
    );
  }

  /** How a packet goes from one pod to another, by what passes the device of the first one's host. */
  async function pathOf(from: LabPod, to: LabPod): Promise<string[]> {
    const addresses = Buffer.from([...from.ip.split('.'), ...to.ip.split('.')].map(Number));
    const packets = packetsIn(await from.host.capture(() => from.ping(to.ip)));
    const paths = packets.flatMap(({ source, destination, protocol, destinationPort, bytes }) => {
      if (source === from.ip && destination === to.ip) return ['plain'];
      return protocol === 17 && destinationPort === VXLAN_PORT && bytes.includes(addresses) ? ['vxlan'] : [];
    });
    return [...new Set(paths)];
  }

  async function routeTo(from: LabHost, to: LabHost): Promise<string> {
    const node = (await nodesOf(lab)).find(({ metadata }) => metadata.name === to.name)!;
    return from.must('ip', 'route', 'show', node.spec!.podCIDR!);
  }

  async function networkCondition(name: string): Promise<string> {
    const node = (await nodesOf(lab)).find(({ metadata }) => metadata.name === name);
    const found = node?.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');
    return `${found?.status} ${found?.reason}: ${found?.message}`;
  }

  function network(backend: object): object {
    return { apiVersion: 'terrane.dev/v1', kind: 'Network', metadata: { name: 'default' }, spec: { backend } };
  }

  async function apply(resource: object): Promise<void> {
    expect(await lab.installation.terrane(['apply', '-f', '-'], { stdin: JSON.stringify(resource) })).toMatchObject({ code: 0 });
  }
});
