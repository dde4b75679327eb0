import { DockerError, messageOf } from '../docker/errors.ts';
import { blockedAfter } from '../planner/backoff.ts';
import { PAUSE_CONTAINER } from '../planner/observed.ts';
import type { StepOf } from '../planner/steps.ts';
import { sandboxConfig } from '../runtime/container-config.ts';
import { dnsSettings } from '../runtime/dns-config.ts';
import { containerName, labelsOf } from '../runtime/labels.ts';
import { PAUSE_IMAGE, PAUSE_IMAGE_CHANGES, pauseArchive } from '../runtime/pause-image.ts';
import type { StepContext } from './context.ts';

/** Makes the pause container of a pod, and before the first one its image. */
export async function startSandbox({ podUid, attempt }: StepOf<'startSandbox'>, context: StepContext): Promise<void> {
  const memory = context.pod(podUid);
  if (!memory) return;
  const { pod } = memory;
  const identity = {
    podUid,
    namespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name,
    container: PAUSE_CONTAINER,
    kind: 'pause' as const,
    attempt,
    specHash: '',
    sandbox: undefined,
    graceSeconds: 0,
  };
  const network = await context.podNetwork();
  const labels = labelsOf(context.owner, identity);
  // After the network is there: it brings the address that names are asked at.
  const config = sandboxConfig(pod, PAUSE_IMAGE, labels, dnsSettings(pod, context.names()), network);
  let id: string | undefined;
  try {
    id = await createPause(context, containerName(identity), config);
    const made = id;
    await context.starting(() => context.engine.startContainer(made));
    delete memory.sandboxBlocked;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    if (id !== undefined) await context.engine.removeContainer(id, true).catch(() => undefined);
    const message = `Failed to create pod sandbox: ${messageOf(error)}`;
    memory.sandboxBlocked = blockedAfter(memory.sandboxBlocked, 'FailedCreatePodSandBox', message, context.now());
    context.events.add({ type: 'Warning', reason: 'FailedCreatePodSandBox', message, pod });
    return;
  }
  await context.cache.refresh(id);
}

async function createPause(context: StepContext, name: string, config: ReturnType<typeof sandboxConfig>): Promise<string> {
  try {
    return (await context.engine.createContainer(name, config)).Id;
  } catch (error) {
    if (error instanceof DockerError && error.status === 409) return (await context.engine.inspectContainer(name)).Id;
    if (!(error instanceof DockerError) || error.status !== 404) throw error;
  }
  await context.engine.importImage(PAUSE_IMAGE, pauseArchive(context.architecture), PAUSE_IMAGE_CHANGES);
  return (await context.engine.createContainer(name, config)).Id;
}
