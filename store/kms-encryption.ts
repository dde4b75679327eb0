import type { KMSClient } from '@aws-sdk/client-kms';
import { TerraneError } from '../core/errors/terrane-error.ts';
import type { KeyEncryption } from '../core/ports/key-encryption.ts';

/** Name of the encryption context's entry: KMS authenticates it, and the functions' roles ask for it. */
const TENANT = 'terrane:tenant';

/** A person or a host waits for the answer. */
const PATIENCE = { maxAttempts: 3, requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000 } };

/** What KMS says of a ciphertext that it will never decrypt for us. */
const WRONG = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/**
 * Data keys wrapped by AWS KMS (https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#enveloping). The client is loaded
 * with the first Secret: most processes never see one.
 */
export function kmsEncryption(KeyId: string, makeClient?: () => KMSClient): KeyEncryption {
  let loading: Promise<{ sdk: typeof import('@aws-sdk/client-kms'); client: KMSClient }> | undefined;
  const load = () => {
    loading ??= import('@aws-sdk/client-kms').then((sdk) => ({ sdk, client: makeClient?.() ?? new sdk.KMSClient(PATIENCE) }));
    return loading;
  };

  const answered = async <T>(call: Promise<T>): Promise<T> => {
    try {
      return await call;
    } catch (cause) {
      if (cause instanceof Error && WRONG.has(cause.name))
        throw new TerraneError(
          'secret_unreadable',
          'The data key of the organisation can not be unwrapped: KMS does not know it.',
          { cause },
        );
      throw new TerraneError('key_service_unavailable', undefined, { cause, retryAfter: 1 });
    }
  };

  return {
    async generate(tenant) {
      const { sdk, client } = await load();
      const command = new sdk.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext: { [TENANT]: tenant } });
      const { Plaintext, CiphertextBlob } = await answered(client.send(command));
      return { plain: Plaintext!, wrapped: CiphertextBlob! };
    },
    async unwrap(tenant, wrapped) {
      const { sdk, client } = await load();
      const command = new sdk.DecryptCommand({ KeyId, CiphertextBlob: wrapped, EncryptionContext: { [TENANT]: tenant } });
      return (await answered(client.send(command))).Plaintext!;
    },
  };
}
