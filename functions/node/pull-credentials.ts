import { createHash } from 'node:crypto';
import type { PullCredentials } from '../../core/images/credentials-for.ts';
import type { ImageRegistry } from '../../core/ports/image-registry.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';

/**
 * How long a host keeps the credentials it was given. They have half of their 12 h left when they are handed out, so that a host which
 * misses a change can still pull for three hours.
 */
const EPOCH_MS = 3 * 3_600_000;

/** Changes with each epoch, for each host at another time: an assignment is new then, though nothing else changed. */
export function credentialEpoch(nodeName: string, now: number): number {
  const offset = createHash('sha256').update(nodeName).digest().readUInt32BE() % EPOCH_MS;
  return Math.floor((now + offset) / EPOCH_MS);
}

/** Does any of these pods need an image below the prefix? */
export function pullsFrom(pods: readonly Pod[], prefix: string): boolean {
  return pods.some(({ spec }) =>
    [...(spec.initContainers ?? []), ...spec.containers].some(({ image }) => image.startsWith(prefix)),
  );
}

export async function pullCredentials(
  images: Pick<ImageRegistry, 'prefix' | 'credentials'>,
  tenant: string,
): Promise<readonly PullCredentials[]> {
  const { username, password, expiresAt } = await images.credentials(tenant, 'pull');
  return [{ prefix: images.prefix(tenant), username, password, expiresAt }];
}
