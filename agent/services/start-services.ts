import { BRIDGE_TABLE, compileBridges, type PodBridge } from '../../core/network/services/bridge-table.ts';
import type { Assignment } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventLog } from '../event-log.ts';
import type { ForgetFlows } from '../kernel/conntrack.ts';
import { type Nft, NftError } from '../kernel/nft.ts';
import { nftTable } from '../kernel/nft-table.ts';
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
  const keepers: readonly Keeper[] = [
    serviceKeeper(options.nodeName, nft, options.forget),
    policyKeeper(nft, options.podAddresses),
  ];
  const bridgeTable = nftTable(nft, { family: 'bridge', table: BRIDGE_TABLE });
  /** Those whose tables are known to be gone. */
  const cleared = new Set<Keeper | typeof bridgeTable>();
  const problems = new Map<Keeper, string>();
  let dismissed = false;
  let busy: Promise<void> | undefined;
  let again: 'check' | 'repair' | undefined;

  async function prepareBridges(wanted: boolean, repairs: boolean): Promise<readonly PodBridge[]> {
    if (!wanted) {
      if (!cleared.has(bridgeTable)) await bridgeTable.remove();
      cleared.add(bridgeTable);
      return [];
    }
    cleared.delete(bridgeTable);
    const bridges = await options.bridges();
    await options.prepare(bridges.map(({ name }) => name));
    if (repairs) await bridgeTable.repair();
    await bridgeTable.set(compileBridges(bridges));
    return bridges;
  }

  async function keep(keeper: Keeper, assignment: Assignment, repairs: boolean): Promise<void> {
    if (!isWanted(keeper, assignment)) {
      if (!cleared.has(keeper)) await keeper.clear();
      cleared.add(keeper);
      return;
    }
    cleared.delete(keeper);
    // Before anything is added: what others changed must not be taken for what was there.
    if (repairs && (await keeper.repair()))
      log.warn('rules had been changed by somebody else: they are as they were', { table: keeper.table });
    await keeper.enforce(assignment, await prepareBridges(true, repairs));
  }

  const isWanted = (keeper: Keeper, assignment: Assignment) => !dismissed && keeper.wants(assignment);

  async function pass(repairs: boolean): Promise<void> {
    const assignment = options.assignment();
    if (!assignment) return;
    for (const keeper of keepers) await attempt(keeper, () => keep(keeper, assignment, repairs), assignment);
    if (!keepers.some((keeper) => isWanted(keeper, assignment)))
      await attempt(keepers[0]!, async () => void (await prepareBridges(false, repairs)), assignment);
  }

  async function attempt(keeper: Keeper, step: () => Promise<void>, assignment: Assignment): Promise<void> {
    try {
      await step();
      if (problems.delete(keeper)) log.info(`no longer so: ${keeper.failure.what}`);
    } catch (error) {
      // A host without nft that has nothing to keep lacks nothing.
      if (error instanceof NftError && error.missing && !isWanted(keeper, assignment)) return;
      const why = error instanceof NftError && error.missing ? MISSING : messageOf(error);
      const message = `${keeper.failure.what}: ${why}`;
      if (message !== problems.get(keeper)) events.add({ type: 'Warning', reason: keeper.failure.reason, message });
      problems.set(keeper, message);
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
