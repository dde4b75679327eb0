import { messageOf } from '../docker/errors.ts';
import { containerMemory } from '../planner/memory.ts';
import type { StepOf, StepType } from '../planner/steps.ts';
import type { StepContext } from './context.ts';
import { startContainer } from './start-container.ts';
import { startSandbox } from './start-sandbox.ts';
import { killContainer, removeContainer, stopContainer } from './stop-container.ts';

export type Executor<T extends StepType> = (step: StepOf<T>, context: StepContext, signal: AbortSignal) => Promise<void> | void;

/** One executor for each step: a step that is added to StepArguments does not compile until it has one here. */
export const executors: { readonly [T in StepType]: Executor<T> } = {
  startSandbox,
  startContainer,
  stopContainer,
  killContainer,
  removeContainer,
  async refreshVolumes({ podUid, version }, context) {
    const memory = context.pod(podUid);
    if (!memory) return;
    try {
      await context.volumes.prepare(memory.pod, context.source);
    } catch (error) {
      // What the containers have stays: an object that was deleted must not take a running pod's configuration away.
      const message = `the pod keeps its former configuration: ${messageOf(error)}`;
      context.events.add({ type: 'Warning', reason: 'FailedMount', message, pod: memory.pod });
    }
    context.volumesWritten(podUid, version);
  },
  async cleanPod({ podUid }, context) {
    await context.volumes.remove(podUid);
    context.volumesWritten(podUid, undefined);
    const memory = context.pod(podUid);
    // Given back while this was under way: it lives, and must not be forgotten.
    if (memory?.ending) memory.gone = true;
  },
  finishInit({ podUid }, context) {
    const memory = context.pod(podUid);
    if (memory) memory.initDoneBoot = context.bootId;
  },
  failPod({ podUid, reason, message }, context) {
    const memory = context.pod(podUid);
    if (!memory) return;
    memory.failed = { reason, message };
    context.events.add({ type: 'Warning', reason, message, pod: memory.pod });
  },
  announceBackoff({ podUid, container, attempt }, context) {
    const memory = context.pod(podUid);
    if (!memory) return;
    containerMemory(memory, container).announced = attempt;
    const { name, namespace = '', uid } = memory.pod.metadata;
    const message = `Back-off restarting failed container ${container} in pod ${name}_${namespace}(${uid})`;
    context.events.add({ type: 'Warning', reason: 'BackOff', message, pod: memory.pod, container });
  },
  cancelStep({ cancel }, context) {
    context.cancel(cancel);
  },
};
