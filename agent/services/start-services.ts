import type { PodBridge } from '../../core/network/services/bridge-table.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventLog } from '../event-log.ts';
import type { ForgetFlows } from '../kernel/conntrack.ts';
import { type Nft, NftError } from '../kernel/nft.ts';
import { bridgeKeeper } from './bridge-keeper.ts';
import type { Keeper } from './keeper.ts';
import { policyKeeper } from './policy-keeper.ts';
import { serviceKeeper } from './service-keeper.ts';

export interface ServicesOptions {
  readonly nodeName: string;
  readonly nft: Nft;
  readonly bridges: () => Promise<readonly PodBridge[]>;
  /** Settings of the kernel for these bridges. */
  readonly prepare: (bridges: readonly string[]) => Promise<void>;
  readonly forget: ForgetFlows;
  readonly assignment: () => Assignment | undefined;
  /** Of this host's pods, by uid. */
  readonly podAddresses: () => ReadonlyMap<string, string>;
  readonly events: Pick<EventLog, 'add'>;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

export interface RunningServices {
  /** The assignment, the pods or their bridges may have changed. */
  check(): void;
  /** What can't be done here, and why. */
  problems(): readonly string[];
  /** The host has left its cluster: nothing is routed or forbidden any more. */
  dismiss(): void;
  /** Ends when what is under way has ended. What the kernel does goes on: containers do, too. */
  close(): Promise<void>;
}

/** Drift is repaired within 10 s. */
const REPAIR_MS = 8_000;

/** Keeps the kernel's rules as the assignment's Services and policies ask, and repairs what others change in them. */
export function startServices(options: ServicesOptions): RunningServices {
  const { nft, log, events } = options;
  const bridge = bridgeKeeper(nft, options.prepare);
  const keepers: readonly Keeper[] = [
    bridge,
    serviceKeeper(options.nodeName, nft, options.forget),
    policyKeeper(nft, options.podAddresses),
  ];
  /** Those whose tables are known to be gone. */
  const cleared = new Set<Keeper>();
  const problems = new Map<Keeper, string>();
  let dismissed = false;
  let busy: Promise<void> | undefined;
  let again: 'check' | 'repair' | undefined;

  /** One that fails doesn't keep the others from their work. */
  async function pass(repairs: boolean): Promise<void> {
    const assignment = options.assignment();
    if (!assignment) return;
    const wanted = keepers.filter((keeper) => !dismissed && keeper.wants(assignment));
    const bridges = wanted.length > 0 ? await lookAtBridges() : [];
    for (const keeper of keepers) {
      if (!wanted.includes(keeper)) await clear(keeper);
      else if (bridges || keeper !== bridge)
        await keep(keeper, assignment, bridges ?? [], repairs).catch((error: unknown) => failed(keeper, error));
    }
  }

  /** undefined: can't be told. */
  async function lookAtBridges(): Promise<readonly PodBridge[] | undefined> {
    try {
      return await options.bridges();
    } catch (error) {
      failed(bridge, error);
      return undefined;
    }
  }

  async function keep(keeper: Keeper, assignment: Assignment, bridges: readonly PodBridge[], repairs: boolean): Promise<void> {
    cleared.delete(keeper);
    // Before anything is added: what others changed must not be taken for what was there.
    if (repairs && (await keeper.repair()))
      log.warn('rules had been changed by somebody else: they are as they were', { table: keeper.table });
    await keeper.enforce(assignment, bridges);
    if (problems.delete(keeper)) log.info(`no longer so: ${keeper.failure.what}`);
  }

  async function clear(keeper: Keeper): Promise<void> {
    problems.delete(keeper);
    if (cleared.has(keeper)) return;
    // Once: a host without nft, or whose agent may not use it, lacks nothing as long as there is nothing to keep.
    cleared.add(keeper);
    try {
      await keeper.clear();
    } catch (error) {
      if (!(error instanceof NftError && error.missing))
        log.warn('rules that are not needed any more could not be removed', { table: keeper.table, reason: messageOf(error) });
    }
  }

  function failed(keeper: Keeper, error: unknown): void {
    const why = error instanceof NftError && error.missing ? MISSING : messageOf(error);
    const message = `${keeper.failure.what}: ${why}`;
    if (message !== problems.get(keeper)) events.add({ type: 'Warning', reason: keeper.failure.reason, message });
    problems.set(keeper, message);
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
    problems: () => [...problems.values()],
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

const MISSING = 'nft is not installed. Install the package nftables; the agent finds it within seconds';
