import { BRIDGE_TABLE, compileBridges, type PodBridge } from '../../core/network/services/bridge-table.ts';
import { compileServices, type ServiceHost, SERVICES_TABLE } from '../../core/network/services/compile-services.ts';
import { staleFlows } from '../../core/network/services/stale-flows.ts';
import type { AssignedService } from '../../core/node/assigned-services.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventLog } from '../event-log.ts';
import type { ForgetFlows } from '../kernel/conntrack.ts';
import { type Nft, NftError } from '../kernel/nft.ts';
import { nftTable } from '../kernel/nft-table.ts';

export interface ServicesOptions {
  readonly nodeName: string;
  readonly nft: Nft;
  readonly bridges: () => Promise<readonly PodBridge[]>;
  /** Settings of the kernel for these bridges. */
  readonly prepare: (bridges: readonly string[]) => Promise<void>;
  readonly forget: ForgetFlows;
  readonly assignment: () => Assignment | undefined;
  readonly events: Pick<EventLog, 'add'>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface RunningServices {
  /** The assignment or the bridges may have changed. */
  check(): void;
  /** Why Services aren't routed here; undefined: they are, or there are none. */
  problem(): string | undefined;
  /** The host has left its cluster: nothing is routed any more. */
  dismiss(): void;
  /** Ends when what is under way has ended. What the kernel does goes on: containers do, too. */
  close(): Promise<void>;
}

/** Drift is repaired within 10 s. */
const REPAIR_MS = 8_000;

/** Keeps the kernel's tables as the assignment's Services ask, and repairs what others change in them. */
export function startServices(options: ServicesOptions): RunningServices {
  const { nft, log, events } = options;
  const services = nftTable(nft, { family: 'ip', table: SERVICES_TABLE });
  const bridge = nftTable(nft, { family: 'bridge', table: BRIDGE_TABLE });
  /** What is routed now; undefined: not known, or nothing. */
  let routed: readonly AssignedService[] | undefined;
  /** What the table was made from last: most checks find nothing new. */
  let compiled: { readonly assignment: Assignment; readonly bridges: string } | undefined;
  let cleared = false;
  let dismissed = false;
  let problem: string | undefined;
  let busy: Promise<void> | undefined;
  let again: 'check' | 'repair' | undefined;

  async function enforce(assignment: Assignment, repairs: boolean): Promise<void> {
    const wanted = dismissed ? [] : (assignment.services ?? []).filter(({ clusterIP }) => clusterIP !== undefined);
    if (wanted.length === 0) return clear();
    cleared = false;
    const bridges = await options.bridges();
    await options.prepare(bridges.map(({ name }) => name));
    // Before what was given last is given again: or what others changed would be taken for what it was changed to.
    const repaired = repairs ? [await services.repair(), await bridge.repair()].some(Boolean) : false;
    if (repaired)
      log.warn('rules for Services had been changed by somebody else: they are as they were', { table: SERVICES_TABLE });
    await bridge.set(compileBridges(bridges));
    const from = { assignment, bridges: JSON.stringify(bridges) };
    if (routed && compiled?.assignment === from.assignment && compiled.bridges === from.bridges) return;
    const changed = await services.set(compileServices(wanted, hostOf(options.nodeName, assignment, bridges)));
    compiled = from;
    const stale = changed && routed ? staleFlows(routed, wanted) : [];
    routed = wanted;
    if (stale.length > 0) await options.forget(stale);
  }

  async function clear(): Promise<void> {
    if (cleared) return;
    await services.remove();
    await bridge.remove();
    routed = undefined;
    cleared = true;
  }

  async function pass(repairs: boolean): Promise<void> {
    const assignment = options.assignment();
    if (!assignment) return;
    try {
      await enforce(assignment, repairs);
      if (problem !== undefined) log.info('Services are routed again');
      problem = undefined;
    } catch (error) {
      // A host without nft that has nothing to route lacks nothing.
      if (error instanceof NftError && error.missing && !assignment.services?.length) return;
      const message =
        error instanceof NftError && error.missing ? MISSING : `Services are not routed on this host: ${messageOf(error)}`;
      if (message !== problem) events.add({ type: 'Warning', reason: 'ServicesNotRouted', message });
      problem = message;
      routed = undefined;
    }
  }

  function run(kind: 'check' | 'repair'): void {
    if (options.signal.aborted) return;
    if (busy) {
      again = again === 'repair' ? again : kind;
      return;
    }
    busy = pass(kind === 'repair').finally(() => {
      busy = undefined;
      const next = again;
      again = undefined;
      if (next) run(next);
    });
  }

  const timer = setInterval(() => run('repair'), REPAIR_MS);
  run('check');
  return {
    check: () => run('check'),
    problem: () => problem,
    dismiss() {
      dismissed = true;
      run('check');
    },
    async close() {
      clearInterval(timer);
      await busy;
    },
  };
}

const MISSING =
  'Services are not routed on this host: nft is not installed. Install the package nftables; the agent finds it within seconds';

function hostOf(node: string, { network }: Assignment, bridges: readonly PodBridge[]): ServiceHost {
  return network?.subnet
    ? { node, podBlocks: [network.network], networked: true }
    : { node, podBlocks: [...new Set(bridges.map(({ subnet }) => subnet))].sort(), networked: false };
}
