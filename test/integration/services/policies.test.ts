import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { hostNft } from '../../../agent/kernel/nft.ts';
import { nftTable, type NftTable } from '../../../agent/kernel/nft-table.ts';
import { prepareBridges } from '../../../agent/services/prepare-bridges.ts';
import { compilePolicies, POLICY_TABLE } from '../../../core/network/policies/compile-policies.ts';
import { BRIDGE_TABLE, compileBridges } from '../../../core/network/services/bridge-table.ts';
import { compileServices, SERVICES_TABLE } from '../../../core/network/services/compile-services.ts';
import type { AssignedPolicies, AssignedPolicyRule } from '../../../core/node/assigned-policies.ts';
import { inside } from '../../support/netlab/namespaces.ts';
import { podAddress, type PodLab, startPodLab } from './pod-lab.ts';

/** Policies' tables of two hosts against real packets: above all between two pods on one bridge, which never reach the IP layer by themselves. */

const PODS = {
  web: { host: 1, number: 2, ports: [8080, 9090] },
  near: { host: 1, number: 3, ports: [8080] },
  far: { host: 2, number: 2, ports: [8080] },
};
const HOSTS = ['h1', 'h2'];
type PodName = keyof typeof PODS;
const ADDRESSES = new Map(Object.entries(PODS).map(([name, spec]) => [name, podAddress(spec)]));
const VIP = '10.96.0.20';

const canRun = process.getuid?.() === 0 && existsSync('/usr/sbin/nft');
if (!canRun) console.warn('skipped: network namespaces and nft take root and the package nftables');

let lab: PodLab;
const tables = new Map<string, NftTable>();

interface Isolated {
  readonly ingress?: readonly AssignedPolicyRule[];
  readonly egress?: readonly AssignedPolicyRule[];
}

const group = (...pods: PodName[]) => ({ groups: [pods.join('')], blocks: [] });

async function isolate(pods: Partial<Record<PodName, Isolated>>): Promise<void> {
  const rules: AssignedPolicyRule[] = [];
  const add = (list: readonly AssignedPolicyRule[]) => list.map((rule) => rules.push(rule) - 1);
  const isolated = Object.entries(pods).map(([uid, { ingress, egress }]) => ({
    uid,
    ...(ingress && { ingress: add(ingress) }),
    ...(egress && { egress: add(egress) }),
  }));
  const ids = new Set(rules.flatMap(({ peers }) => peers?.groups ?? []));
  const groups = [...ids].map((id) => ({
    id,
    addresses: [...ADDRESSES].filter(([name]) => id.includes(name)).map(([, ip]) => ip),
  }));
  const policies: AssignedPolicies = { pods: isolated, rules, groups };
  for (const host of HOSTS) {
    const own = new Map([...ADDRESSES].filter(([name]) => `h${PODS[name as PodName].host}` === host));
    await tables.get(host)!.set(compilePolicies(policies, own));
  }
}

type Call = [from: string, to: PodName, port?: number, protocol?: 'tcp' | 'udp'];

async function reachesIn(ms: number, ...[from, to, port = 8080, protocol = 'tcp']: Call): Promise<boolean> {
  return (await lab.call(from, podAddress(PODS[to]), port, { protocol, ms })).name === to;
}

/** An answer comes at once, but on a busy machine; its absence is not waited for long. */
const reaches = (...call: Call) => reachesIn(15_000, ...call);
const reachesSoon = (...call: Call) => reachesIn(400, ...call);

(canRun ? describe.each([0, 1]) : describe.skip.each([0]))('NetworkPolicies, with bridge-nf-call-iptables %i,', (bridgeNf) => {
  beforeAll(async () => {
    lab = await startPodLab(HOSTS.length, PODS);
    for (const host of HOSTS) {
      inside(lab.netns(host), 'sysctl', '-qw', `net.bridge.bridge-nf-call-iptables=${bridgeNf}`);
      const nft = hostNft(lab.prefix(host));
      await prepareBridges([lab.bridge(host)], { prefix: lab.prefix(host), sysctl: lab.sysctl(host) });
      const bridge = nftTable(nft, { family: 'bridge', table: BRIDGE_TABLE });
      await bridge.set(compileBridges([{ mac: lab.bridgeMac(host), subnet: `10.244.${host.slice(1)}.0/24` }]));
      tables.set(host, nftTable(nft, { family: 'ip', table: POLICY_TABLE }));
    }
    inside(lab.netns('client'), 'ip', 'route', 'replace', '10.244.1.0/24', 'via', '192.168.77.1');
  }, 60_000);
  afterAll(() => lab?.stop());

  test('that deny everything stop pods of the same host, of others and whoever is outside, but not the host itself', async () => {
    await isolate({});
    for (const from of ['near', 'far', 'client', 'h1', 'h2']) expect([from, await reaches(from, 'web')]).toEqual([from, true]);
    await isolate({ web: { ingress: [] } });
    for (const from of ['near', 'far', 'client', 'h2']) expect([from, await reachesSoon(from, 'web')]).toEqual([from, false]);
    expect(await reaches('h1', 'web')).toBe(true);
    expect(await reaches('web', 'near')).toBe(true);
    expect(await reaches('web', 'far')).toBe(true);
  });

  test('allow the pods that they name, at the ports that they name', async () => {
    await isolate({ web: { ingress: [{ peers: group('near'), ports: [{ protocol: 'TCP', from: 8080, to: 8080 }] }] } });
    expect(await reaches('near', 'web')).toBe(true);
    expect(await reachesSoon('near', 'web', 9090)).toBe(false);
    expect(await reachesSoon('near', 'web', 8080, 'udp')).toBe(false);
    expect(await reachesSoon('far', 'web')).toBe(false);
    await isolate({ web: { ingress: [{ peers: group('far'), ports: [{ protocol: 'UDP', from: 8000, to: 9999 }] }] } });
    expect(await reaches('far', 'web', 9090, 'udp')).toBe(true);
    expect(await reachesSoon('far', 'web')).toBe(false);
  });

  test('allow blocks of addresses but for their exceptions', async () => {
    const block = (...except: string[]) => ({ peers: { groups: [], blocks: [{ cidr: '192.168.77.0/24', except }] } });
    await isolate({ web: { ingress: [block()] } });
    expect(await reaches('client', 'web')).toBe(true);
    await isolate({ web: { ingress: [block('192.168.77.100/32')] } });
    expect(await reachesSoon('client', 'web')).toBe(false);
  });

  test('of egress stop what a pod sends, and let the answers of what it is asked pass', async () => {
    await isolate({ web: { egress: [] } });
    expect(await reachesSoon('web', 'near')).toBe(false);
    expect(await reachesSoon('web', 'far')).toBe(false);
    expect(await reaches('near', 'web')).toBe(true);
    await isolate({ web: { egress: [{ peers: group('far') }] } });
    expect([await reachesSoon('web', 'near'), await reaches('web', 'far')]).toEqual([false, true]);
  });

  test('hold for what comes by a Service, and let a pod call itself', async () => {
    const services = nftTable(hostNft(lab.prefix('h1')), { family: 'ip', table: SERVICES_TABLE });
    const web = {
      namespace: 'default',
      name: 'web',
      type: 'ClusterIP' as const,
      clusterIP: VIP,
      ports: [{ protocol: 'TCP' as const, port: 80 }],
      subsets: [{ ports: [8080], endpoints: [{ ip: podAddress(PODS.web), node: 'h1' }] }],
    };
    await services.set(compileServices([web], { node: 'h1', podBlocks: ['10.244.0.0/16'], networked: true }));
    await isolate({ web: { ingress: [], egress: [] } });
    expect(await lab.call('near', VIP, 80, { ms: 400 })).toEqual({ error: 'timeout' });
    expect(await lab.call('web', VIP, 80)).toMatchObject({ name: 'web' });
    await isolate({ web: { ingress: [{ peers: group('near') }], egress: [] } });
    expect(await lab.call('near', VIP, 80)).toEqual({ name: 'web', from: podAddress(PODS.near) });
    await services.remove();
  });

  test('are put back when somebody takes them away', async () => {
    await isolate({ web: { ingress: [] } });
    const table = tables.get('h1')!;
    expect(await table.repair()).toBe(false);
    await hostNft(lab.prefix('h1')).apply('delete table ip terrane_policy\n');
    expect(await reaches('near', 'web')).toBe(true);
    expect(await table.repair()).toBe(true);
    expect(await reachesSoon('near', 'web')).toBe(false);
  });
});
