import { BlockList } from 'node:net';
import os from 'node:os';
import { clusterZone, type NamedService } from '../../core/network/dns/cluster-zone.ts';
import type { EtcdService } from '../../core/etcd/service.ts';
import { skydnsZone } from '../../core/network/dns/skydns-zone.ts';
import type { Zone } from '../../core/network/dns/zone.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { messageOf } from '../docker/errors.ts';
import { answerer } from './answerer.ts';
import { forwarder } from './forwarder.ts';
import { readResolvConf, type ResolvConf } from './resolv-conf.ts';
import { type DnsServer, startDnsServer } from './server.ts';
import { skydnsReader } from './skydns-reader.ts';

/** What this host answers, and where. */
export interface NamesToServe {
  /** The gateway of this host's containers. */
  readonly address: string;
  /** Where containers' addresses come from, CIDR: these, and the host itself, are answered. */
  readonly network: string;
  /** `cluster.local`. */
  readonly domain: string;
  readonly services: readonly NamedService[];
  /** Domains whose names are keys of the cluster's key-value store below /skydns. */
  readonly skydnsDomains: readonly string[];
  /** Name servers of the outside; undefined: the host's own. */
  readonly upstreams?: readonly string[] | undefined;
  /** Of the assignment. */
  readonly revision: number;
}

export interface StartDnsOptions {
  readonly kv: Pick<EtcdService, 'call'>;
  readonly log: Logger;
  /** ms that only go forward. */
  readonly elapsed: () => number;
  readonly signal: AbortSignal;
  /** 53, but in tests. */
  readonly port?: number;
  readonly upstreamPort?: number;
  /** The host's; /etc/resolv.conf but in tests. */
  readonly resolvConf?: string;
}

export interface RunningDns {
  /** From now on these are the names; undefined: none, and nothing is answered. */
  serve(names: NamesToServe | undefined): void;
  /** What the host's own resolver is told, as last read. */
  hostConf(): ResolvConf;
  facts(): DnsFacts;
  close(): Promise<void>;
}

export interface DnsFacts {
  /** `10.244.1.1:53`; undefined: nothing is answered. */
  readonly listening: string | undefined;
  /** Why not, although it should be. */
  readonly problem: string | undefined;
  readonly upstreams: readonly string[];
  readonly questions: number;
  readonly malformed: number;
  readonly forwarded: number;
  readonly unanswered: number;
  readonly cached: number;
}

/** The address is there once the containers' network is; port 53 may be somebody else's for a while. */
const LISTEN_AGAIN_MS = 1_000;
/** How old what was read of resolv.conf and of the host's addresses may be, ms. */
const HOST_FRESH_MS = 5_000;

/**
 * The name server of this host's containers. It answers from the assignment, which is on disk, and from the host's copy of the
 * key-value store: both are there while the control plane is away. All else goes to the host's own name servers.
 */
export async function startDns(options: StartDnsOptions): Promise<RunningDns> {
  const { kv, log, elapsed, port = 53 } = options;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  let names: NamesToServe | undefined;
  let zones: readonly Zone[] | undefined;
  let conf = await readResolvConf(options.resolvConf);
  let confAt = elapsed();
  let server: DnsServer | undefined;
  let problem: string | undefined;
  let starting: AbortController | undefined;
  let turning: Promise<void> = Promise.resolve();

  /** Containers are told to ask us, so we ask whom the host asks, unless that is us again. */
  const upstreams = () => {
    if (elapsed() - confAt > HOST_FRESH_MS) {
      confAt = elapsed();
      void readResolvConf(options.resolvConf).then((read) => {
        // Empty while somebody writes it anew.
        if (read.servers.length > 0) conf = read;
      });
    }
    return (names?.upstreams ?? conf.servers).filter((address) => address !== names?.address);
  };
  const ask = forwarder({ servers: upstreams, elapsed, signal, ...(options.upstreamPort && { port: options.upstreamPort }) });
  const answers = answerer({
    forwarder: ask,
    serial: () => names?.revision ?? 0,
    zones: () => (zones ??= names ? zonesOf(names) : []),
  });
  const clients = clientList(elapsed);

  function zonesOf({ domain, address, services, network, skydnsDomains }: NamesToServe): Zone[] {
    const block = blockOf(network);
    const isClusterAddress = (text: string) => block.check(text);
    const read = skydnsReader(kv);
    return [
      clusterZone({ domain, server: address, services, isClusterAddress }),
      ...skydnsDomains.map((origin) => skydnsZone(origin, read)),
    ];
  }

  async function listen(address: string, wanted: AbortSignal): Promise<void> {
    while (!wanted.aborted) {
      try {
        const started = await startDnsServer({
          address,
          port,
          allowed: (source) => clients.include(source),
          answer: answers.answer,
          onProblem: (error) => log.warn('names: an answer could not be sent', { reason: messageOf(error) }),
        });
        if (wanted.aborted) return await started.close();
        server = started;
        problem = undefined;
        return log.info('names are answered', { dns: `${started.address}:${started.port}` });
      } catch (error) {
        if (problem === undefined) log.warn(`names are not answered: ${messageOf(error)}; trying again`, { address });
        problem = messageOf(error);
        await abortableDelay(LISTEN_AGAIN_MS, wanted);
      }
    }
  }

  async function turnTo(address: string | undefined): Promise<void> {
    await server?.close();
    server = undefined;
    problem = undefined;
    if (address === undefined) return;
    starting = new AbortController();
    void listen(address, AbortSignal.any([signal, starting.signal]));
  }

  return {
    serve(next) {
      const moved = next?.address !== names?.address;
      names = next;
      zones = undefined;
      clients.network = next?.network;
      if (!moved) return;
      starting?.abort();
      turning = turning.then(() => turnTo(next?.address)).catch((error: unknown) => void (problem = messageOf(error)));
    },
    hostConf: () => conf,
    facts: () => ({
      listening: server && `${server.address}:${server.port}`,
      problem,
      upstreams: upstreams(),
      ...answers.facts(),
      ...ask.facts(),
    }),
    async close() {
      end.abort();
      await turning;
      await server?.close();
    },
  };
}

/** Who is answered: containers of the cluster, and the host itself. Nobody else can make use of this server, or use it against others. */
function clientList(elapsed: () => number) {
  let block: BlockList | undefined;
  let own = new Set<string>();
  let ownAt = Number.NEGATIVE_INFINITY;
  const isOwn = (source: string) => {
    if (elapsed() - ownAt > HOST_FRESH_MS) {
      ownAt = elapsed();
      own = new Set(
        Object.values(os.networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address)),
      );
    }
    return own.has(source);
  };
  return {
    set network(cidr: string | undefined) {
      block = cidr === undefined ? undefined : blockOf(cidr);
    },
    include: (source: string) => block?.check(source) === true || isOwn(source),
  };
}

function blockOf(cidr: string): BlockList {
  const block = new BlockList();
  const [base = '', prefix = '32'] = cidr.split('/');
  block.addSubnet(base, Number(prefix), 'ipv4');
  return block;
}
