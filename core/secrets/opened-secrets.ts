import { TerraneError } from '../errors/terrane-error.ts';
import type { Secret } from '../resources/schema/secret.ts';
import type { DataKeys } from './data-key.ts';
import { keyIdOf } from './seal.ts';
import { isSealed, openSecret, secretKeyOf } from './sealed-secret.ts';

/**
 * These Secrets of a cluster in the clear, as they stood in the log; those that can't be decrypted any more are listed apart, so that one
 * of them doesn't take the others with it. Throws TerraneError `key_service_unavailable`.
 */
export async function openedSecrets(
  secrets: readonly Secret[],
  { tenant, cluster }: { readonly tenant: string; readonly cluster: string },
  dataKeys: DataKeys,
): Promise<{ readonly opened: Secret[]; readonly unreadable: Secret[] }> {
  const opened: Secret[] = [];
  const unreadable: Secret[] = [];
  for (const secret of secrets) {
    try {
      if (isSealed(secret)) await dataKeys.load(tenant, { id: keyIdOf(secret.sealed) });
      const { resourceVersion } = secret.metadata;
      const plain = openSecret(secret, dataKeys.ring(tenant), { tenant, cluster, key: secretKeyOf(secret) });
      opened.push({ ...plain, metadata: { ...plain.metadata, resourceVersion } });
    } catch (error) {
      if (!(error instanceof TerraneError && error.code === 'secret_unreadable')) throw error;
      unreadable.push(secret);
    }
  }
  return { opened, unreadable };
}
