import type { LifecycleHandler, Pod } from '../../core/resources/schema/pod.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { type ActionTarget, runAction } from '../probes/action.ts';
import type { Engine } from '../docker/engine.ts';

/** Runs postStart and preStop. Throws with the reason when the hook fails or takes longer than `timeoutMs`. */
export type HookRunner = (handler: LifecycleHandler, target: ActionTarget, timeoutMs: number) => Promise<void>;

export function hookRunner(engine: Engine, signal: AbortSignal): HookRunner {
  return async (handler, target, timeoutMs) => {
    if (handler.sleep) {
      await abortableDelay(Math.min(handler.sleep.seconds * 1000, timeoutMs), signal);
      return;
    }
    const result = await runAction(engine, handler, target, timeoutMs);
    if (!result.ok) throw new Error(result.message);
  };
}

/** Where hooks and probes of a pod's container go. */
export function targetOf(pod: Pod, container: string, id: string, ip: string | undefined, hostIp: string): ActionTarget {
  const spec = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === container);
  return { id, ip: pod.spec.hostNetwork ? hostIp : (ip ?? ''), ports: spec?.ports ?? [] };
}
