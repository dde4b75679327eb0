import { FLANNEL_PREFIX } from '../core/network/flannel/lease.ts';
import { FIRST_SETTINGS } from '../core/node/assignment.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { ServerTime } from './clock-offset.ts';
import { networkDoctor } from './doctor/network-doctor.ts';
import type { RunningDns } from './dns/start-dns.ts';
import type { EventLog } from './event-log.ts';
import type { Identity } from './identity/identity.ts';
import { conntrack } from './kernel/conntrack.ts';
import { hostNft } from './kernel/nft.ts';
import { flannel } from './network/flannel/flannel.ts';
import { noHostNetwork, openHostNetwork } from './network/host-network.ts';
import { watchPeers } from './network/peer-watch.ts';
import type { NodeReporter } from './node/node-reporter.ts';
import type { AgentOptions } from './options.ts';
import { podBridges } from './services/pod-bridges.ts';
import { prepareBridges } from './services/prepare-bridges.ts';
import { startServices } from './services/start-services.ts';
import { podAddresses } from './status/pod-status.ts';
import type { Layout } from './volumes/layout.ts';
import type { Workload } from './workload.ts';

interface HostNetworkingOptions {
  readonly options: Pick<AgentOptions, 'podNetwork' | 'flannelEtcd' | 'flannelPrefix'>;
  readonly identity: Identity;
  readonly layout: Pick<Layout, 'wireguardKey'>;
  readonly time: ServerTime;
  readonly log: Logger;
  readonly now: () => number;
  readonly signal: AbortSignal;
  readonly node: Pick<NodeReporter, 'address'>;
  readonly dns: Pick<RunningDns, 'facts'>;
  readonly workload: Workload;
  readonly events: EventLog;
  /** The host's address is known. */
  readonly ready: Promise<void>;
  readonly onAddressLost: () => void;
  /** There is something to report. */
  readonly onChange: () => void;
}

/** A host's part in the network between pods, wired together: routes and tunnels, Services and policies, the peers that it watches, and the doctor. */
export function hostNetworking({
  options,
  identity,
  layout,
  time,
  log,
  now,
  signal,
  node,
  dns,
  workload,
  events,
  ready,
  onAddressLost,
  onChange,
}: HostNetworkingOptions) {
  const { nodeName } = identity;
  const assigned = () => (options.podNetwork === 'none' ? undefined : workload.assignment()?.network);
  const services = startServices({
    nodeName,
    nft: hostNft(),
    bridges: podBridges,
    prepare: prepareBridges,
    forget: conntrack(log),
    assignment: workload.assignment,
    podAddresses: () => podAddresses(workload.pods.values(), workload.containersOf),
    events,
    log,
    signal,
  });
  const network =
    options.podNetwork === 'none'
      ? noHostNetwork()
      : openHostNetwork({
          owner: `${identity.cluster}/${identity.hostId}`,
          keyFile: layout.wireguardKey,
          assigned,
          isAssigned: () => workload.assignment() !== undefined,
          address: node.address,
          onAddressLost,
          ready,
          engine: () => (workload.engineState().up ? workload.engine : undefined),
          podAddresses: workload.podAddresses,
          flannel: options.flannelEtcd
            ? flannel({ endpoint: options.flannelEtcd, prefix: options.flannelPrefix ?? FLANNEL_PREFIX, now, log })
            : undefined,
          events,
          log,
          now,
          onChange,
        });
  const peers = watchPeers({
    nodeName,
    assigned,
    noticeMs: () => (workload.assignment()?.settings.renewSeconds ?? FIRST_SETTINGS.renewSeconds) * 1000,
    serverTime: () => now() - (time.ahead() ?? 0),
    signal,
    onChange,
  });
  const doctor = networkDoctor({
    node: nodeName,
    assigned,
    clockAheadMs: time.ahead,
    dns: () => dns.facts(),
  });
  return { network, services, peers, doctor };
}
