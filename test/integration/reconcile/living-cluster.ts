import { setInterval } from 'node:timers';
import { settingsOf } from '../../../core/controllers/settings.ts';
import { clusterState, type FollowingState } from '../../../core/controllers/state.ts';
import type { Assignment } from '../../../core/node/assignment.ts';
import { assignmentOf } from '../../../core/node/assignment-of.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { NOW } from '../../../core/resources/testing/fixtures.ts';
import { startReconciler } from '../../../functions/reconcile/loop.ts';
import { memoryInbox } from '../../../store/inbox-memory.ts';
import { watchedInbox } from '../../../store/inbox-watched.ts';
import { FakeHost } from '../../sim/fake-host.ts';
import type { ServedCluster } from '../kubectl/served-cluster.ts';

/** Hosts and controllers behind a served API: time runs a hundred times as fast. */
export interface LivingCluster {
  readonly hosts: readonly FakeHost[];
  state(): FollowingState;
  assignment(nodeName: string): Assignment | undefined;
  stop(): Promise<void>;
}

const TICK_MS = 50;
const SPEED = 100;

export function bringToLife({ keyspace }: ServedCluster, hostCount: number): LivingCluster {
  let now = NOW;
  let uids = 0;
  const inbox = watchedInbox(memoryInbox(), (...report) => reconciler.reported(...report));
  const reconciler = startReconciler({
    keyspaces: { open: async () => keyspace },
    inbox,
    notifier: { notify: async () => {} },
    clock: { now: () => now },
    logger: silentLogger,
    newUid: () => `controller-${++uids}`,
    told: new Map(),
    schedule(delayMs, action) {
      const timer = setTimeout(action, delayMs / SPEED);
      return () => clearTimeout(timer);
    },
  });
  const hosts = Array.from({ length: hostCount }, (_, index) => new FakeHost(`host-${index}`, '4', now));
  const state = () => clusterState(keyspace.view());
  const timer = setInterval(() => {
    now += TICK_MS * SPEED;
    for (const host of hosts) {
      const current = state();
      const item = host.step(assignmentOf(current, 'x', host.name, settingsOf(current)), now);
      if (item) void inbox.put('t', 'x', item);
    }
  }, TICK_MS);
  return {
    hosts,
    state,
    assignment(nodeName) {
      const current = state();
      return assignmentOf(current, 'x', nodeName, settingsOf(current));
    },
    async stop() {
      clearInterval(timer);
      await reconciler.stop();
    },
  };
}
