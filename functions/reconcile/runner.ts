import type { ReadView, Revision } from '../../core/keyspace/types.ts';
import { getResource } from '../../core/resources/write.ts';
import type { Wakes } from '../../store/wakes.ts';
import { isAwaited } from './awaited.ts';
import { reconcileCluster, type ReconcileDeps } from './reconcile.ts';
import type { ClusterNews } from './stream-news.ts';

export interface RunnerDeps extends ReconcileDeps {
  readonly wakes: Wakes;
  /** Ends the leases of the cluster's key-value store whose time is over. Answers when to look again, ms since the epoch. */
  expireLeases?(tenant: string, cluster: string): Promise<number | undefined>;
  /** False once the cluster is deleted: a run by a replica from before would write to what is gone. */
  exists(tenant: string, cluster: string): Promise<boolean>;
}

/** What is known of a cluster between two runs in the same process; losing it costs a superfluous run, no more. */
interface Memory {
  /** Looked at up to here. */
  revision: Revision;
  /** The next alarm that is set, ms since the epoch. */
  alarm: number | undefined;
}

/** A run may leave more to do; after so many in a row the cluster waits for its alarm, so that others get their turn. */
const PASSES_MAX = 20;
/** After a failure the cluster's alarm tries again. */
const RETRY_MS = 60_000;
const CLUSTERS_MAX = 5_000;

/**
 * The hosted trigger: what stream and clock say becomes runs. A cluster that fails gets an alarm instead of holding up the stream,
 * which carries all tenants' news in one order.
 */
export function hostedRunner(deps: RunnerDeps) {
  const memories = new Map<string, Memory>();

  function memoryOf(tenant: string, cluster: string): Memory {
    const id = `${tenant}#${cluster}`;
    const memory = memories.get(id) ?? { revision: 0, alarm: undefined };
    memories.delete(id);
    memories.set(id, memory);
    if (memories.size > CLUSTERS_MAX) memories.delete(memories.keys().next().value!);
    return memory;
  }

  /** Is a run worth it? Our own commits come back by the stream, and most reports are mere heartbeats. */
  async function worthIt({ tenant, cluster, commits, reports, heartbeats }: ClusterNews): Promise<boolean> {
    if (reports) return true;
    const view = await (await deps.keyspaces.open(tenant, cluster, 'registry')).sync();
    if (commits && view.revision > memoryOf(tenant, cluster).revision) return true;
    return [...heartbeats].some((node) => isSilent(view, node));
  }

  async function run(tenant: string, cluster: string): Promise<void> {
    if (!(await deps.exists(tenant, cluster))) {
      memories.delete(`${tenant}#${cluster}`);
      return;
    }
    const memory = memoryOf(tenant, cluster);
    for (let pass = 1; ; pass++) {
      const { revision, wakeAt } = await reconcileCluster(deps, tenant, cluster, { pauses: pass === PASSES_MAX });
      memory.revision = Math.max(memory.revision, revision);
      if (wakeAt === undefined) return;
      if (wakeAt > deps.clock.now() || pass === PASSES_MAX) return setAlarm(tenant, cluster, wakeAt);
    }
  }

  /** An alarm that comes earlier does: the run it starts sets the next one. Never for this very moment: that one may be ringing. */
  async function setAlarm(tenant: string, cluster: string, at: number): Promise<void> {
    const memory = memoryOf(tenant, cluster);
    const now = deps.clock.now();
    if (memory.alarm !== undefined && memory.alarm > now && memory.alarm <= at) return;
    memory.alarm = (await deps.wakes.set(tenant, cluster, Math.max(at, now))).at;
  }

  async function expireLeases(tenant: string, cluster: string): Promise<void> {
    if (!deps.expireLeases || !(await deps.exists(tenant, cluster))) return;
    const at = await deps.expireLeases(tenant, cluster);
    if (at !== undefined) await setAlarm(tenant, cluster, at);
  }

  async function attempt(tenant: string, cluster: string, action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (error) {
      deps.logger.error('reconcile failed', { tenant, cluster, problem: String(error) });
      await setAlarm(tenant, cluster, deps.clock.now() + RETRY_MS);
    }
  }

  return {
    /** Throws only if not even the alarm could be set. */
    async news(news: ClusterNews): Promise<void> {
      const { tenant, cluster } = news;
      await attempt(tenant, cluster, async () => {
        if (await worthIt(news)) await run(tenant, cluster);
      });
    },

    /** Clusters whose alarm rings now. Answers how many. */
    async alarms(limit: number, parallel: number): Promise<number> {
      const due = await deps.wakes.due(deps.clock.now(), limit);
      await inParallel(due, parallel, async (wake) => {
        const { tenant, cluster } = wake;
        const memory = memoryOf(tenant, cluster);
        if (memory.alarm !== undefined && memory.alarm <= wake.at) memory.alarm = undefined;
        await attempt(tenant, cluster, async () => {
          await run(tenant, cluster);
          await expireLeases(tenant, cluster);
        });
        // Only now: whoever dies on the way leaves it to ring again.
        await deps.wakes.clear(wake);
      });
      return due.length;
    },
  };
}

export async function inParallel<T>(items: readonly T[], limit: number, action: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async () => {
    for (const item of rest) await action(item);
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
}

function isSilent(view: ReadView, name: string): boolean {
  const node = getResource(view, 'Node', '', name);
  return node !== undefined && isAwaited(node);
}
