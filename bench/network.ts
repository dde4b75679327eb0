import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hostNft } from '../agent/kernel/nft.ts';
import { nftTable } from '../agent/kernel/nft-table.ts';
import { applySteps, observeNetwork } from '../agent/kernel/ip.ts';
import { describeMissing, ensurePackages, present } from '../bin/machine/packages.ts';
import type { AssignedNetwork, NetworkPeer } from '../core/network/assigned-network.ts';
import { readNetwork } from '../core/network/config.ts';
import { afterSteps } from '../core/network/kernel/after-steps.ts';
import type { ObservedNetwork } from '../core/network/kernel/state.ts';
import { networkSteps } from '../core/network/kernel/diff.ts';
import { bridgeOf, vtepMacOf } from '../core/network/names.ts';
import { compileServices, SERVICES_TABLE } from '../core/network/services/compile-services.ts';
import { wantedNetwork } from '../core/network/wanted.ts';
import type { AssignedService } from '../core/node/assigned-services.ts';
import { inside, ip } from '../test/support/netlab/namespaces.ts';
import { benchHosts, type BenchHosts, handMadeVxlan, latency, throughput } from './network/hosts.ts';

/**
 * The pods' network between two hosts (network namespaces joined by a switch), all in one run: without a tunnel, flannel's VXLAN made by
 * hand, ours, and WireGuard; and how long the kernel takes to be told of peers and Services. Both ends share this machine's processors:
 * read the ratios. `--quick`: shorter rounds.
 */

const QUICK = process.argv.includes('--quick');
const ROUNDS = QUICK ? 3 : 11;
/** Of what is only there to be seen beside the two that are compared. */
const ROUNDS_BESIDE = QUICK ? 1 : 3;
const SECONDS = QUICK ? 1 : 2;
const PINGS = QUICK ? 100 : 200;
/** Latency is taken in so many rounds: each takes a second. */
const ROUNDS_LATENCY = QUICK ? 1 : 5;
const PEERS = 1_000;
const SERVICES = 1_000;
const OURS = 77;
const HAND = 78;
const SECURE = 79;

const TOOLS = [
  { package: 'iproute2', provides: 'ip', why: 'network namespaces as hosts' },
  { package: 'iperf3', provides: 'iperf3', why: 'throughput' },
  { package: 'iputils-ping', provides: 'ping', why: 'latency' },
  { package: 'nftables', provides: 'nft', why: "Services' rules" },
];

export async function run(): Promise<Record<string, number>> {
  const missing = ensurePackages(TOOLS, console.log);
  if (missing.length > 0) throw new Error(describeMissing(missing));
  const lab = benchHosts();
  let end = () => {};
  try {
    const programmed = await programming(lab);
    lab.join(HAND, 'cbr0', 1450);
    handMadeVxlan(lab, HAND);
    lab.join(OURS, bridgeOf(`10.${OURS}.0.0/24`), 1450);
    for (const index of [0, 1] as const) await program(lab, index, [peerOf(2 - index, lab.underlay[1 - index]!)]);
    const secure = await wireguard(lab);
    end = secure.end;

    const paths = {
      direct: { from: lab.hosts[0], to: lab.hosts[1], address: lab.underlay[1] },
      hand: { from: lab.pods[0], to: lab.pods[1], address: `10.${HAND}.2.2` },
      ours: { from: lab.pods[0], to: lab.pods[1], address: `10.${OURS}.2.2` },
      ...(secure.by && { wireguard: { from: lab.pods[0], to: lab.pods[1], address: `10.${SECURE}.2.2` } }),
    };
    const speeds: Record<string, number[]> = {};
    const trips: Record<string, number[]> = {};
    for (let round = 0; round < ROUNDS; round++) {
      // The two that are compared change places, so that neither always has the warmer machine.
      const order = Object.entries(paths).filter(([name]) => round < ROUNDS_BESIDE || name === 'hand' || name === 'ours');
      for (const [name, { from, to, address }] of round % 2 === 0 ? order : order.toReversed()) {
        (speeds[name] ??= []).push(await throughput(from, to, address, SECONDS));
        if (round < ROUNDS_LATENCY) (trips[name] ??= []).push(latency(from, address, PINGS));
      }
    }
    const speed = (name: string) => median(speeds[name] ?? []);
    const trip = (name: string) => median(trips[name] ?? []);
    const ratio = median(speeds['ours']!.map((ours, round) => ours / speeds['hand']![round]!));
    for (const name of Object.keys(paths)) {
      const label = name === 'wireguard' ? `wireguard (${secure.by})` : name;
      console.log(
        `${label}: ${speed(name).toFixed(2)} Gbit/s, ${((speed(name) / speed('direct')) * 100).toFixed(0)} % of direct; ${trip(name).toFixed(3)} ms there and back`,
      );
    }
    console.log(`ours over VXLAN made by hand: ${ratio.toFixed(3)} (median of ${ROUNDS} rounds in turn; aim 0.97)`);
    const { thousandPeersS, onePeerMs, thousandServicesS, oneEndpointMs } = programmed;
    console.log(`${PEERS} peers: ${thousandPeersS.toFixed(3)} s (aim 0.5); one more: ${onePeerMs.toFixed(0)} ms (aim 50)`);
    console.log(`${SERVICES} Services: ${thousandServicesS.toFixed(3)} s; one endpoint more: ${oneEndpointMs.toFixed(0)} ms`);
    return {
      vxlan_vs_handmade_ratio: ratio,
      thousand_peers_s: thousandPeersS,
      one_peer_ms: onePeerMs,
      thousand_services_s: thousandServicesS,
      one_endpoint_ms: oneEndpointMs,
      direct_gbits: speed('direct'),
      vxlan_gbits: speed('ours'),
      ...(secure.by && { wireguard_gbits: speed('wireguard'), wireguard_ms: trip('wireguard') }),
      direct_ms: trip('direct'),
      vxlan_ms: trip('ours'),
    };
  } finally {
    end();
    await lab.remove();
  }
}

const prefixOf = (netns: string) => ['nsenter', `--net=/run/netns/${netns}`];

function peerOf(number: number, address: string): NetworkPeer {
  const subnet = `10.${OURS}.${number}.0/24`;
  return { node: `n${number}`, subnet, address, mtu: 1500, vtepMac: vtepMacOf(subnet) };
}

/** As the agent does it: look at the kernel, unless it is known what it holds, compare, send the differences. Gives what it holds then. */
async function program(
  { hosts, underlay }: BenchHosts,
  index: 0 | 1,
  peers: readonly NetworkPeer[],
  held?: ObservedNetwork,
): Promise<ObservedNetwork> {
  const prefix = prefixOf(hosts[index]);
  const assigned: AssignedNetwork = {
    network: `10.${OURS}.0.0/16`,
    subnet: `10.${OURS}.${index + 1}.0/24`,
    backend: readNetwork({ backend: { type: 'vxlan' } }).config!.backend,
    clusterDomain: 'cluster.local',
    peers,
  };
  const address = underlay[index];
  const facts = { address, device: 'eth0', mtu: 1500, wireguard: false, wireguardBy: 'kernel', onLink: () => undefined } as const;
  const observed = held ?? (await observeNetwork(prefix));
  const steps = networkSteps(wantedNetwork(assigned, facts), observed);
  const refused = await applySteps(steps, prefix);
  if (refused.length > 0) throw new Error(`${refused[0]!.line}: ${refused[0]!.reason}`);
  return afterSteps(observed, steps);
}

/** From a bare host to one that knows all its peers, and one more; the same for Services. Medians. */
async function programming(lab: BenchHosts) {
  const many = Array.from({ length: PEERS + 1 }, (_, index): NetworkPeer => {
    const subnet = `10.${100 + Math.floor(index / 250)}.${index % 250}.0/24`;
    return {
      node: `n${index}`,
      subnet,
      address: `192.168.${Math.floor(index / 250)}.${index % 250}`,
      mtu: 1500,
      vtepMac: vtepMacOf(subnet),
    };
  });
  const all: number[] = [];
  const one: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    let held: ObservedNetwork | undefined;
    all.push(await timed(async () => (held = await program(lab, 0, many.slice(0, PEERS)))));
    one.push(await timed(() => program(lab, 0, many, held)));
    await program(lab, 0, []);
    ip('-n', lab.hosts[0], 'link', 'del', 'terrane-vx');
  }
  const services: number[] = [];
  const endpoints: number[] = [];
  const rulesOf = (more: number) =>
    compileServices(
      Array.from(
        { length: SERVICES },
        (_, index): AssignedService => ({
          namespace: 'default',
          name: `s${index}`,
          type: 'ClusterIP',
          clusterIP: `10.96.${Math.floor(index / 250)}.${(index % 250) + 1}`,
          ports: [{ protocol: 'TCP', port: 80 }],
          subsets: [
            {
              ports: [8080],
              endpoints: Array.from({ length: index === 0 ? 3 + more : 3 }, (__, each) => ({
                ip: `10.77.${each + 1}.${(index % 250) + 2}`,
                node: 'n1',
              })),
            },
          ],
        }),
      ),
      { node: 'n1', podBlocks: [`10.${OURS}.0.0/16`], networked: true },
    );
  const nft = hostNft(prefixOf(lab.hosts[0]));
  for (let round = 0; round < ROUNDS; round++) {
    const table = nftTable(nft, { family: 'ip', table: SERVICES_TABLE });
    services.push(await timed(() => table.set(rulesOf(0))));
    endpoints.push(await timed(() => table.set(rulesOf(1))));
    await table.remove();
  }
  return {
    thousandPeersS: median(all) / 1000,
    onePeerMs: median(one),
    thousandServicesS: median(services) / 1000,
    oneEndpointMs: median(endpoints),
  };
}

/** WireGuard between the hosts: the kernel's, else a program's; undefined where there is neither. */
async function wireguard(lab: BenchHosts): Promise<{ by?: 'kernel' | 'userspace'; end: () => void }> {
  const dir = mkdtempSync('/tmp/trn-bench-wg-');
  const devices = ['tbwg1', 'tbwg2'] as const;
  const ends: (() => void)[] = [() => rmSync(dir, { recursive: true, force: true })];
  const end = () => {
    for (const each of ends.toReversed()) each();
  };
  if (!present('wg')) return { end };
  let by: 'kernel' | 'userspace' = 'kernel';
  const keys = devices.map(() => generateKeyPairSync('x25519'));
  const base64 = (index: number, part: 'd' | 'x') =>
    Buffer.from(keys[index]!.privateKey.export({ format: 'jwk' })[part] as string, 'base64url').toString('base64');
  for (const [index, device] of devices.entries()) {
    const host = lab.hosts[index]!;
    try {
      ip('-n', host, 'link', 'add', device, 'type', 'wireguard');
    } catch {
      if (!present('wireguard-go') || !existsSync('/dev/net/tun')) return { end };
      by = 'userspace';
      mkdirSync('/run/wireguard', { recursive: true });
      const child = spawn('nsenter', [`--net=/run/netns/${host}`, 'wireguard-go', device], {
        stdio: 'ignore',
        env: { ...process.env, WG_PROCESS_FOREGROUND: '1', LOG_LEVEL: 'error' },
      });
      ends.push(() => void child.kill());
      for (let attempt = 0; attempt < 50 && !existsSync(`/run/wireguard/${device}.sock`); attempt++)
        await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
  lab.join(SECURE, 'wbr0', 1420);
  for (const [index, device] of devices.entries()) {
    const host = lab.hosts[index]!;
    const peer = 1 - index;
    const file = join(dir, device);
    writeFileSync(file, base64(index, 'd'), { mode: 0o600 });
    inside(
      host,
      'wg',
      'set',
      device,
      'listen-port',
      '51820',
      'private-key',
      file,
      'peer',
      base64(peer, 'x'),
      'endpoint',
      `${lab.underlay[peer]}:51820`,
      'allowed-ips',
      `10.${SECURE}.${peer + 1}.0/24`,
    );
    ip('-n', host, 'link', 'set', device, 'mtu', '1420', 'up');
    ip('-n', host, 'route', 'add', `10.${SECURE}.${peer + 1}.0/24`, 'dev', device);
  }
  return { by, end };
}

async function timed(act: () => Promise<unknown>): Promise<number> {
  const since = performance.now();
  await act();
  return performance.now() - since;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
