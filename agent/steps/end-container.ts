import { abortableDelay } from '../abortable-delay.ts';
import { DockerError, isNotFound } from '../docker/errors.ts';
import type { StepContext } from './context.ts';

/** Most containers that heed their signal are gone after this; who takes longer doesn't hold up the others. */
const TURN_MS = 250;

/** Stop signal, and SIGKILL after `graceSeconds`; returns when it has ended. In turn with the others (see StepContext.ending). */
export async function endContainer(context: StepContext, id: string, graceSeconds: number): Promise<void> {
  let ended: Promise<unknown> = Promise.resolve();
  await context.ending(async () => {
    ended = ignoreMissing(context.engine.stopContainer(id, graceSeconds));
    const turn = new AbortController();
    await Promise.race([ended, abortableDelay(TURN_MS, turn.signal)]).finally(() => turn.abort());
  });
  await ended;
}

/** What is asked for has happened already: the container is gone, or the engine answers with `alsoStatus`. */
export async function ignoreMissing(call: Promise<unknown>, alsoStatus?: number): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (isNotFound(error) || (error instanceof DockerError && error.status === alsoStatus)) return;
    throw error;
  }
}
