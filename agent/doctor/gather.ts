import { readFile } from 'node:fs/promises';
import os from 'node:os';
import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import type { NetworkFacts } from '../../core/network/doctor/facts.ts';
import { VXLAN_DEVICE } from '../../core/network/names.ts';
import type { DnsFacts } from '../dns/start-dns.ts';
import { messageOf } from '../docker/errors.ts';
import { linksIn, routesIn } from './ip-facts.ts';
import { dockerDropsIn, droppingChainsIn, forwardTablesIn } from './nft-facts.ts';
import { probeDns } from './probe-dns.ts';
import { probePeers } from './probe-peers.ts';
import { runTool, ToolNotInstalled } from './run-tool.ts';

export interface GatherOptions {
  readonly node: string;
  readonly assigned: AssignedNetwork | undefined;
  /** By how much this host's clock is ahead of the control plane's, ms. */
  readonly clockAheadMs: number | undefined;
  readonly dns: DnsFacts;
  readonly signal: AbortSignal;
}

/** Looks at this host: its kernel, its firewall, and what gets through to the others. Takes a few seconds; never throws. */
export async function gatherFacts({ node, assigned, clockAheadMs, dns, signal }: GatherOptions): Promise<NetworkFacts> {
  const unknown: string[] = [];
  const attempt = async <T>(what: Promise<T>): Promise<T | undefined> => {
    try {
      return await what;
    } catch (error) {
      unknown.push(messageOf(error));
      return undefined;
    }
  };
  const [links, routes, ipForward, bridgeFiltered, iptables, chains, dockerDrops, offload, ownDns, peers] = await Promise.all([
    attempt(runTool('ip', ['-j', '-d', 'address', 'show'], signal).then(linksIn)),
    attempt(runTool('ip', ['-j', 'route', 'show', 'table', 'main'], signal).then(routesIn)),
    attempt(setting('net/ipv4/ip_forward')),
    setting('net/bridge/bridge-nf-call-iptables').catch(() => false),
    attempt(iptablesRules(signal)),
    attempt(droppingChains(assigned?.network, signal)),
    // Where Docker speaks iptables, there is no such chain.
    runTool('nft', ['list', 'chain', 'ip', 'docker-bridges', 'raw-PREROUTING'], signal).catch(() => ''),
    checksumOffload(signal).catch(() => undefined),
    probeDns({ dns, domain: assigned?.clusterDomain, signal }),
    assigned?.subnet ? probePeers({ assigned, signal }) : [],
  ]);
  return {
    node,
    assigned,
    clockAheadMs,
    links,
    routes,
    ipForward,
    bridgeFiltered,
    iptables: iptables === 'none' ? undefined : iptables,
    iptablesRead: iptables !== undefined,
    droppingChains: chains,
    dockerNftDrops: dockerDropsIn(dockerDrops, assigned?.network),
    checksumOffload: offload,
    kernel: os.release(),
    dns: assigned?.subnet ? ownDns : undefined,
    peers,
    unknown,
  };
}

async function setting(name: string): Promise<boolean> {
  return (await readFile(`/proc/sys/${name}`, 'utf8')).trim() === '1';
}

async function iptablesRules(signal: AbortSignal): Promise<NonNullable<NetworkFacts['iptables']> | 'none'> {
  try {
    const [filter, raw] = await Promise.all([
      runTool('iptables', ['-w', '-S'], signal),
      // Kernels without the raw table have nothing in it.
      runTool('iptables', ['-w', '-t', 'raw', '-S'], signal).catch(() => ''),
    ]);
    return { filter, raw };
  } catch (error) {
    if (error instanceof ToolNotInstalled) return 'none';
    throw error;
  }
}

/** Without nft, nothing is in nftables that isn't iptables' own. */
async function droppingChains(network: string | undefined, signal: AbortSignal): Promise<string[]> {
  if (network === undefined) return [];
  try {
    const tables = forwardTablesIn(await runTool('nft', ['-j', 'list', 'chains'], signal));
    const list = (table: string) => runTool('nft', ['-j', 'list', 'table', ...table.split(' ')], signal);
    return (await Promise.all(tables.map(async (table) => droppingChainsIn(await list(table), network)))).flat();
  } catch (error) {
    if (error instanceof ToolNotInstalled) return [];
    throw error;
  }
}

async function checksumOffload(signal: AbortSignal): Promise<boolean | undefined> {
  const text = await runTool('ethtool', ['-k', VXLAN_DEVICE], signal);
  const line = text.split('\n').find((each) => each.trim().startsWith('tx-checksum-ip-generic:'));
  return line?.includes(': on');
}
