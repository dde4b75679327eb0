import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AwsFailure, type AwsJsonService, checkFields } from './service.ts';

export interface Kms extends AwsJsonService {
  /** Actions asked for so far, each with its encryption context. */
  readonly calls: string[];
  /** ARNs of the keys there are. */
  readonly keys: Set<string>;
  /** As when its owner has disabled the key. */
  disabled: boolean;
}

/** AWS KMS' symmetric keys (https://docs.aws.amazon.com/kms/latest/APIReference/): the context is authenticated, not stored. */
export function kms(...arns: string[]): Kms {
  const material = randomBytes(32);
  const keys = new Set(arns);
  const calls: string[] = [];

  const service: Kms = {
    signedFor: 'kms',
    target: 'TrentService',
    calls,
    keys,
    disabled: false,
    call(action, input) {
      const { KeyId, EncryptionContext = {} } = input as { KeyId?: string; EncryptionContext?: Record<string, string> };
      calls.push(`${action} ${JSON.stringify(EncryptionContext)}`);
      if (KeyId !== undefined && !keys.has(KeyId)) throw new AwsFailure('NotFoundException', `no key ${KeyId}`);
      if (service.disabled) throw new AwsFailure('DisabledException', 'the key is disabled');
      if (action === 'GenerateDataKey') return generate(input);
      if (action === 'Decrypt') return decrypt(input);
      throw new AwsFailure('UnknownOperationException', action);
    },
  };
  return service;

  function generate(input: Readonly<Record<string, unknown>>) {
    checkFields(input, ['KeyId', 'KeySpec'], ['EncryptionContext']);
    if (input['KeySpec'] !== 'AES_256') throw new AwsFailure('ValidationException', 'KeySpec');
    const plain = randomBytes(32);
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', material, nonce);
    cipher.setAAD(context(input));
    const blob = Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    return { KeyId: input['KeyId'], Plaintext: plain.toString('base64'), CiphertextBlob: blob.toString('base64') };
  }

  function decrypt(input: Readonly<Record<string, unknown>>) {
    checkFields(input, ['CiphertextBlob'], ['EncryptionContext', 'KeyId']);
    const blob = Buffer.from(input['CiphertextBlob'] as string, 'base64');
    try {
      const decipher = createDecipheriv('aes-256-gcm', material, blob.subarray(0, 12));
      decipher.setAAD(context(input));
      decipher.setAuthTag(blob.subarray(-16));
      const plain = Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]);
      return { KeyId: input['KeyId'], Plaintext: plain.toString('base64') };
    } catch {
      throw new AwsFailure('InvalidCiphertextException', '');
    }
  }

  function context({ EncryptionContext = {} }: { EncryptionContext?: unknown }): Buffer {
    return Buffer.from(JSON.stringify(Object.entries(EncryptionContext as object).sort(([a], [b]) => (a < b ? -1 : 1))));
  }
}
