import type { Pod } from '../../core/resources/schema/pod.ts';
import { messageOf } from '../docker/errors.ts';
import { StartFailure } from '../runtime/start-failure.ts';
import type { StepContext } from './context.ts';

const preparing = new WeakMap<Pod, Promise<void>>();

/** The pod's volumes, made once however many of its containers start at the same time. Throws StartFailure. */
export async function prepareVolumes(context: StepContext, pod: Pod): Promise<void> {
  if (!pod.spec.volumes?.length) return;
  let running = preparing.get(pod);
  if (!running) {
    running = prepare(context, pod).finally(() => preparing.delete(pod));
    preparing.set(pod, running);
  }
  await running;
}

async function prepare(context: StepContext, pod: Pod): Promise<void> {
  const version = context.volumesWanted(pod.metadata.uid);
  try {
    await context.volumes.prepare(pod, context.source);
  } catch (error) {
    const message = messageOf(error);
    context.events.add({ type: 'Warning', reason: 'FailedMount', message: `MountVolume.SetUp failed: ${message}`, pod });
    if (error instanceof StartFailure) throw error;
    throw new StartFailure('CreateContainerConfigError', `the pod's volumes can't be made: ${message}`);
  }
  context.volumesWritten(pod.metadata.uid, version);
}
