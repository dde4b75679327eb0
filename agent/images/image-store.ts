import type { Engine } from '../docker/engine.ts';
import { splitTag } from '../docker/engine.ts';
import { DockerError, isNotFound, messageOf } from '../docker/errors.ts';
import { StartFailure } from '../runtime/start-failure.ts';

/** Gets images onto the host. Pulls of the same image by several containers are one pull. */
export interface ImageStore {
  /** Throws StartFailure ErrImagePull with the engine's reason. */
  pull(image: string, auth: string | undefined, signal: AbortSignal): Promise<void>;
}

export interface ImagePulled {
  readonly image: string;
  readonly id: string;
  readonly sizeBytes: number;
}

export function imageStore(engine: Engine, onPulled: (pulled: ImagePulled) => void): ImageStore {
  const pulls = new Map<string, Promise<void>>();

  async function pull(image: string, auth: string | undefined): Promise<void> {
    try {
      await engine.pullImage(...splitTag(image), auth);
      const { Id, Size } = await engine.inspectImage(image);
      onPulled({ image, id: Id, sizeBytes: Size });
    } catch (error) {
      if (!(error instanceof DockerError)) throw error;
      const reason = /invalid reference format/.test(error.message) ? 'InvalidImageName' : 'ErrImagePull';
      throw new StartFailure(reason, `Failed to pull image "${image}": ${messageOf(error)}`);
    }
  }

  return {
    async pull(image, auth, signal) {
      // With other credentials it is another pull: who may not see an image must not get it because someone else may.
      const key = `${image} ${auth ?? ''}`;
      let running = pulls.get(key);
      if (!running) {
        running = pull(image, auth).finally(() => pulls.delete(key));
        pulls.set(key, running);
      }
      await abortable(running, signal);
    },
  };
}

/** Is it there? */
export async function imageExists(engine: Engine, image: string): Promise<boolean> {
  try {
    await engine.inspectImage(image);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    throw error;
  }
}

/** Leaves the pull to the others that wait for it (and to the next start: what was fetched stays). */
function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
