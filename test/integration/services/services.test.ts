import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostNft } from '../../../agent/kernel/nft.ts';
import { nftTable, type NftTable } from '../../../agent/kernel/nft-table.ts';
import { BRIDGE_TABLE, compileBridges } from '../../../core/network/services/bridge-table.ts';
import { prepareBridges } from '../../../agent/services/prepare-bridges.ts';
import { compileServices, SERVICES_TABLE } from '../../../core/network/services/compile-services.ts';
import type { AssignedService } from '../../../core/node/assigned-services.ts';
import { eventually } from '../../support/eventually.ts';
import { inside } from '../../support/netlab/namespaces.ts';
import { type Answer, podAddress, type PodLab, startPodLab } from './pod-lab.ts';

/** The tables of two hosts against real packets. */

const PODS = {
  a1: { host: 1, number: 2, ports: [8080] },
  b1: { host: 1, number: 3, ports: [8080] },
  c2: { host: 2, number: 2, ports: [8080] },
  d2: { host: 2, number: 3, ports: [] },
};
const HOSTS = ['h1', 'h2'];
type PodName = keyof typeof PODS;

const canRun = process.getuid?.() === 0 && existsSync('/usr/sbin/nft');
if (!canRun) console.warn('skipped: network namespaces and nft take root and the package nftables');

let lab: PodLab;
const tables = new Map<string, { services: NftTable; bridge: NftTable }>();
const VIP = '10.96.0.10';

function service(
  pods: readonly PodName[],
  given: Partial<AssignedService> = {},
  protocol: 'TCP' | 'UDP' = 'TCP',
): AssignedService {
  const endpoints = pods.map((pod) => ({ ip: podAddress(PODS[pod]), node: `h${PODS[pod].host}`, pod }));
  return {
    namespace: 'default',
    name: 'web',
    type: 'ClusterIP',
    clusterIP: VIP,
    ports: [{ protocol, port: 80, ...given.ports?.[0] }],
    subsets: endpoints.length > 0 ? [{ ports: [8080], endpoints }] : [],
    ...Object.fromEntries(Object.entries(given).filter(([key]) => key !== 'ports')),
  };
}

async function route(...services: AssignedService[]): Promise<void> {
  for (const node of HOSTS) {
    const host = { node, podBlocks: ['10.244.0.0/16'], networked: true };
    await tables.get(node)!.services.set(compileServices(services, host));
  }
}

/** Who answers, of so many calls. */
async function answers(count: number, call: () => Promise<Answer>): Promise<Set<string>> {
  const names = new Set<string>();
  for (let index = 0; index < count; index++) {
    const { name, error } = await call();
    names.add(name ?? error!);
  }
  return names;
}

(canRun ? describe.each([0, 1]) : describe.skip.each([0]))('Services, with bridge-nf-call-iptables %i,', (bridgeNf) => {
  beforeAll(async () => {
    lab = await startPodLab(HOSTS.length, PODS);
    for (const host of HOSTS) {
      inside(lab.netns(host), 'sysctl', '-qw', `net.bridge.bridge-nf-call-iptables=${bridgeNf}`);
      const nft = hostNft(lab.prefix(host));
      const bridge = nftTable(nft, { family: 'bridge', table: BRIDGE_TABLE });
      await bridge.set(compileBridges([{ mac: lab.bridgeMac(host), subnet: `10.244.${host.slice(1)}.0/24` }]));
      await prepareBridges([lab.bridge(host)], { prefix: lab.prefix(host), sysctl: lab.sysctl(host) });
      tables.set(host, { bridge, services: nftTable(nft, { family: 'ip', table: SERVICES_TABLE }) });
    }
  }, 60_000);
  afterAll(() => lab?.stop());

  test('are reached by their address from every pod and every host, and spread over their endpoints', async () => {
    await route(service(['a1', 'b1', 'c2']));
    for (const from of ['a1', 'b1', 'c2', 'd2', 'h1', 'h2'])
      expect([from, await answers(40, () => lab.call(from, VIP, 80))]).toEqual([from, new Set(['a1', 'b1', 'c2'])]);
  });

  test('show endpoints the address of the pod that calls, on the same host and on another', async () => {
    await route(service(['b1']));
    expect(await lab.call('a1', VIP, 80)).toEqual({ name: 'b1', from: podAddress(PODS.a1) });
    expect(await lab.call('d2', VIP, 80)).toEqual({ name: 'b1', from: podAddress(PODS.d2) });
  });

  test('are reached by a pod that is their only endpoint', async () => {
    await route(service(['a1']));
    expect(await lab.call('a1', VIP, 80)).toMatchObject({ name: 'a1' });
  });

  test('are reached over UDP, too', async () => {
    await route(service(['b1', 'c2'], {}, 'UDP'));
    expect(await answers(20, () => lab.call('a1', VIP, 80, { protocol: 'udp' }))).toEqual(new Set(['b1', 'c2']));
  });

  test('that nobody serves, and ports that they do not have, are refused at once', async () => {
    await route(service([], { ports: [{ protocol: 'TCP', port: 80, nodePort: 30_080 }], externalIPs: ['203.0.113.7'] }));
    for (const from of ['a1', 'h1']) {
      expect(await lab.call(from, VIP, 80)).toEqual({ error: 'ECONNREFUSED' });
      expect(await lab.call(from, VIP, 81)).toEqual({ error: 'ECONNREFUSED' });
      expect([from, await lab.call(from, VIP, 80, { protocol: 'udp' })]).toEqual([from, { error: 'ECONNREFUSED' }]);
      expect(await lab.call(from, '203.0.113.7', 80)).toEqual({ error: 'ECONNREFUSED' });
    }
    expect(await lab.call('client', '192.168.77.1', 30_080)).toEqual({ error: 'ECONNREFUSED' });
  });

  test('with affinity forget where a client was sent when it was away for the timeout', async () => {
    await route(service(['a1', 'b1', 'c2'], { affinitySeconds: 1 }));
    const seen = new Set<string>();
    await eventually('another endpoint answers', async () => {
      // Each call begins the timeout anew: only a pause ends it.
      await delay(1100);
      seen.add((await lab.call('d2', VIP, 80)).name!);
      expect(seen.size).toBeGreaterThan(1);
    });
  }, 60_000);

  test('keep an affinity while other endpoints come and go', async () => {
    await route(service(['b1', 'c2'], { affinitySeconds: 100 }));
    const before = await answers(20, () => lab.call('d2', VIP, 80));
    expect(before.size).toBe(1);
    const [first] = before;
    const without = (['a1', 'b1', 'c2'] as const).filter((pod) => pod === first || pod === 'a1');
    await route(service(without, { affinitySeconds: 100 }));
    expect(await answers(10, () => lab.call('d2', VIP, 80))).toEqual(new Set([first]));
  });

  test('of type NodePort are reached from outside at every host', async () => {
    const ports = [{ protocol: 'TCP' as const, port: 80, nodePort: 30_080 }];
    await route(service(['a1', 'c2'], { type: 'NodePort', ports }));
    for (const address of ['192.168.77.1', '192.168.77.2'])
      expect(await answers(20, () => lab.call('client', address, 30_080))).toEqual(new Set(['a1', 'c2']));
    expect(await answers(20, () => lab.call('d2', '192.168.77.1', 30_080))).toEqual(new Set(['a1', 'c2']));
    expect(await answers(20, () => lab.call('h1', '192.168.77.1', 30_080))).toEqual(new Set(['a1', 'c2']));
  });

  test('with externalTrafficPolicy Local keep the source address, and take nothing from outside where they have no endpoint', async () => {
    const ports = [{ protocol: 'TCP' as const, port: 80, nodePort: 30_080 }];
    await route(service(['c2'], { type: 'NodePort', ports, externalLocal: true }));
    inside(lab.netns('client'), 'ip', 'route', 'replace', '10.244.0.0/16', 'via', '192.168.77.2');
    expect(await lab.call('client', '192.168.77.2', 30_080)).toEqual({ name: 'c2', from: '192.168.77.100' });
    expect(await lab.call('client', '192.168.77.1', 30_080, { ms: 300 })).toEqual({ error: 'timeout' });
    expect(await lab.call('h1', '192.168.77.1', 30_080)).toMatchObject({ name: 'c2' });
    expect(await lab.call('a1', VIP, 80)).toEqual({ name: 'c2', from: podAddress(PODS.a1) });
  });

  test('with internalTrafficPolicy Local go to endpoints of the same host only', async () => {
    await route(service(['a1', 'c2'], { internalLocal: true }));
    expect(await answers(10, () => lab.call('b1', VIP, 80))).toEqual(new Set(['a1']));
    expect(await answers(10, () => lab.call('d2', VIP, 80))).toEqual(new Set(['c2']));
  });

  test('with external addresses are reached by them', async () => {
    await route(service(['a1', 'c2'], { externalIPs: ['203.0.113.7'] }));
    inside(lab.netns('client'), 'ip', 'route', 'replace', '203.0.113.7', 'via', '192.168.77.1');
    expect(await answers(20, () => lab.call('client', '203.0.113.7', 80))).toEqual(new Set(['a1', 'c2']));
    expect(await answers(20, () => lab.call('d2', '203.0.113.7', 80))).toEqual(new Set(['a1', 'c2']));
  });

  test("that change leave others' tables alone, and connections of others whole", async () => {
    const nft = hostNft(lab.prefix('h1'));
    await nft.apply('add table ip other\nadd chain ip other mine\nadd rule ip other mine accept\n');
    const before = inside(lab.netns('h1'), 'nft', 'list', 'table', 'ip', 'other');
    await route(service(['a1']));
    await route();
    expect(await tables.get('h1')!.services.repair()).toBe(false);
    await nft.apply('flush table ip terrane_services\n');
    expect(await tables.get('h1')!.services.repair()).toBe(true);
    expect(inside(lab.netns('h1'), 'nft', 'list', 'table', 'ip', 'other')).toBe(before);
  });
});
