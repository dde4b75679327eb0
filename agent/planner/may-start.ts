import { isFenced } from '../../core/node/fencing.ts';
import type { PodMemory } from './memory.ts';

/**
 * May a container of this pod be started, now that all is made ready for it? That takes minutes where an image has to be pulled: the lease may have
 * run out meanwhile, and there may be a new one, under which the pod is not this host's any more.
 */
export function mayStart(memory: PodMemory | undefined, leaseHeld: boolean): boolean {
  if (!memory || memory.ending || memory.failed) return false;
  return leaseHeld || !isFenced(memory.pod);
}
