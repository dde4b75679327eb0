import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { rawPublicKey } from '../../core/node/http-signature.ts';
import { writeAtomic } from '../files/atomic-file.ts';

/** The host's Ed25519 key pair: made here, readable by the agent's user only, never sent anywhere. */
export interface HostKey {
  readonly privateKey: KeyObject;
  /** Raw, base64url. */
  readonly publicKey: string;
}

/** The key in `path`, made on first use. Throws if the file is there but isn't a key: a new one would be another host. */
export async function hostKey(path: string): Promise<HostKey> {
  let pem: string | undefined;
  try {
    pem = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  if (pem === undefined) {
    const { privateKey } = generateKeyPairSync('ed25519');
    await writeAtomic(path, privateKey.export({ format: 'pem', type: 'pkcs8' }) as string, 0o600);
    return { privateKey, publicKey: rawPublicKey(privateKey) };
  }
  try {
    const privateKey = createPrivateKey(pem);
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error(`it is of type ${privateKey.asymmetricKeyType ?? 'unknown'}`);
    return { privateKey, publicKey: rawPublicKey(privateKey) };
  } catch (error) {
    throw new Error(
      `the host key ${path} is damaged (${error instanceof Error ? error.message : String(error)}). Restore it, or remove the agent's data directory and join the host anew`,
    );
  }
}
