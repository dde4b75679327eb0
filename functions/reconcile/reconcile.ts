import { allControllers } from '../../core/controllers/all.ts';
import { awayController } from '../../core/controllers/node/away.ts';
import { type Limits, type Outcome, runControllers } from '../../core/controllers/fixpoint.ts';
import type { Hearing } from '../../core/controllers/state.ts';
import { tellProblems } from '../../core/controllers/problems.ts';
import { CompactedError } from '../../core/keyspace/errors.ts';
import type { ChangeEvent, Keyspace, ReadView, Revision } from '../../core/keyspace/types.ts';
import { heartbeatsOf } from '../../core/node/heartbeats-of.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Inbox } from '../../core/ports/inbox.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Notifier } from '../../core/ports/notifier.ts';
import type { WriteContext } from '../../core/resources/write.ts';
import type { Place } from '../../core/scheduler/types.ts';
import { isAwaited } from './awaited.ts';
import { nodesConcerned } from './nodes-concerned.ts';

export interface ReconcileDeps {
  readonly keyspaces: Keyspaces;
  readonly inbox: Inbox;
  readonly notifier: Notifier;
  readonly clock: Clock;
  readonly logger: Logger;
  newUid(): string;
  /** Up to which revision hosts were told, by cluster. Kept as long as the process: a new one tells every host once. */
  readonly told: ToldRevisions;
  /**
   * Of a process that hears all hosts itself: since when it has listened, by a clock that went steadily, ms since the epoch (core/node/listening.ts). Asked
   * after the inbox was.
   */
  readonly listeningSince?: () => number;
  /** Where that isn't known: each cluster is looked at within so long, ms, after it asked to be. Later means that nobody was there (core/controllers/node/away.ts). */
  readonly lateMs?: number;
  readonly place?: Place;
  readonly limits?: Limits;
}

export type ToldRevisions = Map<string, Told>;

interface Told {
  readonly revision: Revision;
  /** When the first commit came that they are to hear of together with others, ms since the epoch. */
  readonly waitingSince?: number;
}

export interface Reconciled {
  /** Everything up to this revision was taken into account. */
  readonly revision: Revision;
  /** Look again then although nothing changed, ms since the epoch. In the past: there is more to do now. */
  readonly wakeAt?: number;
  /** Nodes given up as silent, or expected back from a reboot: a report of one of them is news, whatever it says. */
  readonly silent: ReadonlySet<string>;
}

const FIRST_KEY = '';
const LAST_KEY = '\u00ff'.repeat(8);
/** Controllers that found no rest have a mistake: trying again at once would only repeat it. */
const RESTLESS_WAIT_MS = 10_000;
/**
 * While a run is followed by the next at once, hosts are told of this many revisions together. Thousands of pods come in several commits: a host that asked for
 * its assignment after each, and reported, would take from the process what the next run needs.
 */
const TOLD_TOGETHER = 16;
/** And no later than with the first run that ends so long after the first of them: whoever changed one pod beside thousands doesn't wait for these, nor do hosts of the first ones. */
const TOLD_WITHIN_MS = 5_000;

/**
 * Makes the cluster's state what it should be: folds the hosts' reports, runs the controllers to a fixed point, commits the
 * result as one transaction and tells the hosts concerned. Harmless at any time and in any number at once: if someone else
 * committed first, the result is thrown away and computed anew. Throws only when the log or the inbox can't be reached.
 * `pauses`: whatever is left to do, the next run won't come at once.
 */
export async function reconcileCluster(
  deps: ReconcileDeps,
  tenant: string,
  cluster: string,
  { pauses = false } = {},
): Promise<Reconciled> {
  const keyspace = await deps.keyspaces.open(tenant, cluster, 'registry');
  // In this order: what is in the log by then was there before the heartbeats were read, and they are at least as new as `now`. A
  // process that is frozen on the way must not take hosts for silent that reported meanwhile.
  const view = await keyspace.sync();
  const now = deps.clock.now();
  const reports = await deps.inbox.list(tenant, cluster);
  const ctx: WriteContext = { now, newUid: () => deps.newUid() };
  const hearing: Hearing = {
    heartbeats: heartbeatsOf(reports, now),
    heardAsOf: view.revision,
    ...(deps.listeningSince && { listeningSince: deps.listeningSince() }),
  };
  const away = deps.lateMs === undefined ? [] : [awayController(deps.lateMs)];
  const controllers = [...away, ...allControllers(reports, deps.place)];
  const decide = (view: ReadView): Outcome => {
    const outcome = runControllers(view, hearing, controllers, ctx, deps.limits);
    tellProblems(outcome.overlay, outcome.problems, ctx);
    return outcome;
  };

  let outcome = decide(view);
  let { revision } = view;
  let committing = false;
  if (outcome.overlay.written().next().done !== true) {
    const committed = await keyspace.transact((txn) => {
      if (txn.revision !== outcome.overlay.revision) outcome = decide(txn);
      outcome.overlay.writeTo(txn);
    });
    revision = committed.revision;
    committing = true;
  }
  report(deps.logger, tenant, cluster, outcome);
  const goesOn = committing && outcome.end === 'more' && !pauses;
  if (!goesOn || !mayWait(deps, `${tenant}/${cluster}`, revision))
    await tellHosts(deps, keyspace, tenant, cluster, outcome, revision);
  const wakeAt = outcome.end === 'more' ? now : outcome.end === 'restless' ? now + RESTLESS_WAIT_MS : outcome.wakeAt;
  return { revision, ...(wakeAt !== undefined && { wakeAt }), silent: silentNodes(outcome) };
}

/** May hosts hear of this revision with the next ones? */
function mayWait({ told, clock }: ReconcileDeps, id: string, revision: Revision): boolean {
  const before = told.get(id);
  if (before === undefined || revision - before.revision >= TOLD_TOGETHER) return false;
  const now = clock.now();
  const waitingSince = Math.min(before.waitingSince ?? now, now);
  told.set(id, { ...before, waitingSince });
  return now - waitingSince < TOLD_WITHIN_MS;
}

function silentNodes({ state }: Outcome): Set<string> {
  const silent = state.list('Node').filter(isAwaited);
  return new Set(silent.map(({ metadata }) => metadata.name));
}

function report(logger: Logger, tenant: string, cluster: string, { problems, end, restless }: Outcome): void {
  for (const { controller, object, message } of problems) {
    const { namespace, name } = object?.metadata ?? {};
    logger.warn('object not reconciled', { tenant, cluster, controller, kind: object?.kind, namespace, name, problem: message });
  }
  if (end === 'restless') logger.error('controllers found no rest', { tenant, cluster, controllers: restless });
}

/** By what this run committed and by what others committed since the last one. */
async function tellHosts(
  deps: ReconcileDeps,
  keyspace: Keyspace,
  tenant: string,
  cluster: string,
  { state }: Outcome,
  revision: Revision,
): Promise<void> {
  const id = `${tenant}/${cluster}`;
  const told = deps.told.get(id)?.revision;
  if (told !== undefined && told >= revision) return;
  const events = told === undefined ? undefined : await changesBetween(keyspace, told, revision);
  const nodes = events ? nodesConcerned(events, state) : state.list('Node').map(({ metadata }) => metadata.name);
  deps.told.set(id, { revision });
  const names = [...nodes].sort();
  if (names.length === 0) return;
  try {
    await deps.notifier.notify(tenant, cluster, names, revision);
  } catch (error) {
    // A hint may be lost: hosts poll.
    deps.logger.warn('hosts not notified', { tenant, cluster, nodes: names.length, problem: String(error) });
  }
}

/** The changes of the revisions after `from`, up to and with `to`; undefined if they are no longer kept. */
async function changesBetween(keyspace: Keyspace, from: Revision, to: Revision): Promise<ChangeEvent[] | undefined> {
  const changes: ChangeEvent[] = [];
  const stop = new AbortController();
  try {
    // All keys, so that each revision shows and the last one ends it.
    for await (const { revision, events } of keyspace.watch({ from: FIRST_KEY, to: LAST_KEY }, from + 1, stop.signal)) {
      changes.push(...events);
      if (revision >= to) break;
    }
    return changes;
  } catch (error) {
    if (error instanceof CompactedError) return undefined;
    throw error;
  } finally {
    stop.abort();
  }
}
