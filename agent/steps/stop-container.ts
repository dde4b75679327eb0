import { messageOf } from '../docker/errors.ts';
import type { StepOf } from '../planner/steps.ts';
import type { StepContext } from './context.ts';
import { endContainer, ignoreMissing } from './end-container.ts';
import { targetOf } from './hooks.ts';

/** What a container whose preStop used up its time still gets, seconds (Kubernetes' number). */
const GRACE_SECONDS_MIN = 2;

/** preStop, stop signal, SIGKILL, all within the grace period. Returns when the container has stopped. */
export async function stopContainer(step: StepOf<'stopContainer'>, context: StepContext): Promise<void> {
  const { podUid, container: name, id, graceSeconds, reason, message } = step;
  const pod = context.pod(podUid)?.pod;
  if (pod) context.events.add({ type: 'Normal', reason, message, pod, container: name });
  const since = context.now();
  const preStop = pod?.spec.containers.find((one) => one.name === name)?.lifecycle?.preStop;
  if (pod && preStop && graceSeconds > 0) {
    const ip = ipOf(context, podUid, id);
    try {
      await context.hooks(preStop, targetOf(pod, name, id, ip, context.host().hostIp), graceSeconds * 1000);
    } catch (error) {
      const failed = `PreStopHook failed: ${messageOf(error)}`;
      context.events.add({ type: 'Warning', reason: 'FailedPreStopHook', message: failed, pod, container: name });
    }
  }
  const left = graceSeconds - (context.now() - since) / 1000;
  await endContainer(context, id, preStop && graceSeconds > 0 ? Math.max(left, GRACE_SECONDS_MIN) : Math.max(left, 0));
  await context.cache.refresh(id);
}

export async function killContainer({ id }: StepOf<'killContainer'>, context: StepContext): Promise<void> {
  // 409: it isn't running any more.
  await context.ending(() => ignoreMissing(context.engine.killContainer(id), 409));
  await context.cache.refresh(id);
}

export async function removeContainer({ id }: StepOf<'removeContainer'>, context: StepContext): Promise<void> {
  // 409: somebody is removing it already.
  await ignoreMissing(context.engine.removeContainer(id), 409);
  await context.cache.refresh(id);
}

function ipOf(context: StepContext, podUid: string, id: string): string | undefined {
  const own = context.cache.byPod().get(podUid);
  return own?.find((c) => c.kind === 'pause' && c.state === 'running')?.ip ?? context.cache.get(id)?.ip;
}
