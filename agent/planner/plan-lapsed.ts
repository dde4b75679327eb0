import { isFenced } from '../../core/node/fencing.ts';
import type { PodPlan } from './plan.ts';
import { graceSeconds } from './pod-rules.ts';
import { stopContainers } from './stop-containers.ts';

/** When the containers of a fenced pod must have ended because the host's lease ran out, ms since the epoch; undefined: it didn't. */
export function killByLease({ input, memory }: Pick<PodPlan, 'input' | 'memory'>): number | undefined {
  const { lapsed } = input;
  if (lapsed === undefined || !isFenced(memory.pod)) return undefined;
  return lapsed.at + Math.min(lapsed.graceSeconds, graceSeconds(memory.pod)) * 1000;
}

/** A fenced pod on a host without a lease: it may soon start elsewhere, so it stops here. It stays assigned, and starts again once the lease is held. */
export function planLapsed(podPlan: PodPlan, killAt: number): void {
  stopContainers(podPlan, {
    killAt,
    graceSeconds: Math.max(0, (killAt - podPlan.input.now) / 1000),
    reason: 'LeaseExpired',
    message: (name) => `Stopping container ${name}: the host could not renew its lease, and the pod must not run in two places`,
  });
}
