import type { Container, Pod } from '../../core/resources/schema/pod.ts';
import type { ContainerCreate } from '../docker/types.ts';
import { DockerError, isConflict, messageOf } from '../docker/errors.ts';
import { imageExists } from '../images/image-store.ts';
import { registryAuth } from '../images/registry-auth.ts';
import { containerMemory } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { graceSeconds, needsSandbox, specHash } from '../planner/pod-rules.ts';
import { recordStarted, recordStartError } from '../planner/record.ts';
import type { StepOf } from '../planner/steps.ts';
import { containerConfig } from '../runtime/container-config.ts';
import { dnsSettings } from '../runtime/dns-config.ts';
import { environmentOf } from '../runtime/environment.ts';
import { type ContainerIdentity, containerName, labelsOf } from '../runtime/labels.ts';
import { StartFailure } from '../runtime/start-failure.ts';
import { tagOf } from '../../core/resources/pod-spec/defaults.ts';
import { type StepContext, subject } from './context.ts';
import { targetOf } from './hooks.ts';
import { endContainer } from './end-container.ts';
import { prepareVolumes } from './prepare-volumes.ts';

/** How long the engine, or a hook, may take before a start counts as failed, ms. */
const POST_START_TIMEOUT_MS = 300_000;

/** Makes one container of a pod and starts it: volumes, image, create, start, postStart. Throws StartFailure. */
export async function startContainer(step: StepOf<'startContainer'>, context: StepContext, signal: AbortSignal): Promise<void> {
  const { podUid, container: name, kind, attempt } = step;
  const { memory, pod, container } = subject(context, podUid, name);
  await prepareVolumes(context, pod);
  const sandbox = needsSandbox(pod) ? runningSandbox(context, podUid) : undefined;
  const { hostIp, nodeName } = context.host();
  const podIp = sandbox?.ip ?? (pod.spec.hostNetwork ? hostIp : undefined);
  const environment = environmentOf(pod, container, context.source, { hostIp, nodeName, podIp });
  const identity: ContainerIdentity = {
    podUid,
    namespace: pod.metadata.namespace ?? '',
    podName: pod.metadata.name,
    container: name,
    kind,
    attempt,
    specHash: specHash(container),
    sandbox: sandbox?.id,
    graceSeconds: graceSeconds(pod),
  };
  // Before its names are asked for: it brings the address that they are asked at.
  const network = sandbox || pod.spec.hostNetwork ? undefined : await context.podNetwork();
  const config = containerConfig({
    pod,
    container,
    labels: labelsOf(context.owner, identity),
    environment,
    mounts: await context.volumes.mounts(pod, container, attempt),
    sandbox: sandbox?.id,
    network,
    hostMemoryBytes: context.hostMemoryBytes,
    dns: dnsSettings(pod, context.names()),
  });
  const id = await createWithImage(context, pod, container, identity, config, signal);
  if (id === undefined) return;

  const past = containerMemory(memory, name);
  const started = { attempt, bootId: context.bootId, containerId: id };
  try {
    // Else what was created is removed, as after any start that was broken off.
    const begun = await context.guarded(pod, id, () =>
      context.starting(async () => {
        if (!context.mayStart(podUid)) return false;
        await context.engine.startContainer(id);
        return true;
      }),
    );
    if (!begun) return;
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    await context.engine.removeContainer(id, true).catch(() => undefined);
    recordStartError(past, { ...started, now: context.now() }, error.message);
    context.events.add({ type: 'Warning', reason: 'Failed', message: `Error: ${error.message}`, pod, container: name });
    return;
  }
  recordStarted(past, { ...started, now: context.now() });
  const seen = await context.cache.refresh(id);
  context.events.add({ type: 'Normal', reason: 'Started', message: `Started container ${name}`, pod, container: name });
  if (container.lifecycle?.postStart) await postStart(context, pod, container, id, seen?.ip ?? podIp);
}

function runningSandbox(context: StepContext, podUid: string): ObservedContainer {
  const found = context.cache
    .byPod()
    .get(podUid)
    ?.find((c) => c.kind === 'pause' && c.state === 'running');
  if (!found) throw new StartFailure('CreateContainerError', "the pod's network container is gone; it is made anew");
  return found;
}

/** The new container's id; undefined when it turned out that this attempt had been made before. */
async function createWithImage(
  context: StepContext,
  pod: Pod,
  container: Container,
  identity: ContainerIdentity,
  config: ContainerCreate,
  signal: AbortSignal,
): Promise<string | undefined> {
  const name = containerName(identity);
  const policy = container.imagePullPolicy ?? (tagOf(container.image) === 'latest' ? 'Always' : 'IfNotPresent');
  if (policy === 'Always') await pullAgain(context, pod, container, identity.attempt, signal);
  try {
    return await create(context, name, config);
  } catch (error) {
    // That the image is missing shows when it is needed: asking first would cost each start a round trip.
    if (!isImageMissing(error)) throw asFailure(error);
  }
  if (policy === 'Never') {
    throw new StartFailure('ErrImageNeverPull', `Container image "${container.image}" is not present with pull policy of Never`);
  }
  if (policy === 'IfNotPresent') await pull(context, pod, container, signal);
  try {
    return await create(context, name, config);
  } catch (error) {
    throw asFailure(error);
  }
}

async function create(context: StepContext, name: string, config: ContainerCreate): Promise<string | undefined> {
  try {
    return (await context.starting(() => context.engine.createContainer(name, config))).Id;
  } catch (error) {
    if (!isConflict(error)) throw error;
    // An earlier create landed although nobody heard of it. Now that it is seen, the planner knows what to do with it.
    const seen = await context.cache.refresh((await context.engine.inspectContainer(name)).Id);
    if (seen) return undefined;
    throw new StartFailure(
      'CreateContainerError',
      `a container named ${name} is on this engine and does not belong to this agent`,
    );
  }
}

/**
 * A pod that has run here goes on running here: when the registry can't be reached, or no longer has the image, a restart
 * takes the one that is there (Kubernetes would let it wait).
 */
async function pullAgain(
  context: StepContext,
  pod: Pod,
  container: Container,
  attempt: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await pull(context, pod, container, signal);
  } catch (error) {
    if (!(error instanceof StartFailure) || attempt === 0 || !(await imageExists(context.engine, container.image))) throw error;
    const message = `${error.message}. Restarting with the image that is on this host`;
    context.events.add({ type: 'Warning', reason: 'PullFailed', message, pod, container: container.name });
  }
}

async function pull(context: StepContext, pod: Pod, { image, name }: Container, signal: AbortSignal): Promise<void> {
  context.events.add({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"`, pod, container: name });
  const since = context.now();
  await context.images.pull(image, registryAuth(pod, image, context.source), signal);
  const seconds = ((context.now() - since) / 1000).toFixed(1);
  context.events.add({
    type: 'Normal',
    reason: 'Pulled',
    message: `Successfully pulled image "${image}" in ${seconds}s`,
    pod,
    container: name,
  });
}

async function postStart(
  context: StepContext,
  pod: Pod,
  container: Container,
  id: string,
  ip: string | undefined,
): Promise<void> {
  const hook = container.lifecycle?.postStart;
  if (!hook) return;
  try {
    await context.hooks(hook, targetOf(pod, container.name, id, ip, context.host().hostIp), POST_START_TIMEOUT_MS);
  } catch (error) {
    const message = `PostStartHook failed: ${messageOf(error)}`;
    context.events.add({ type: 'Warning', reason: 'FailedPostStartHook', message, pod, container: container.name });
    await endContainer(context, id, graceSeconds(pod)).catch(() => undefined);
    await context.cache.refresh(id);
  }
}

function isImageMissing(error: unknown): boolean {
  return error instanceof DockerError && error.status === 404 && /no such image/i.test(error.message);
}

function asFailure(error: unknown): unknown {
  if (!(error instanceof DockerError)) return error;
  const reason = /invalid reference format/.test(error.message) ? 'InvalidImageName' : 'CreateContainerError';
  return new StartFailure(reason, error.message);
}
