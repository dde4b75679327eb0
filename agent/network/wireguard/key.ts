import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeAtomic } from '../../files/atomic-file.ts';

/** Curve25519 keys as wg(8) writes them: 32 bytes in base64. */
export interface WireguardKey {
  readonly publicKey: string;
  /** File that holds the private key, 0600. It never leaves this host. */
  readonly file: string;
}

/** The key in `file`, made if there is none. Throws if the file is there and holds no key. */
export async function wireguardKey(file: string): Promise<WireguardKey> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text !== undefined) return { publicKey: publicOf(privateFrom(text.trim(), file)), file };
  const { privateKey } = generateKeyPairSync('x25519');
  await writeAtomic(file, `${base64Of(privateKey, 'd')}\n`);
  return { publicKey: publicOf(privateKey), file };
}

function privateFrom(text: string, file: string): KeyObject {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 32) throw new Error(`${file} holds no WireGuard key: remove it to get a new one`);
  // RFC 8410: the 32 bytes in their PKCS #8 frame.
  return createPrivateKey({ key: Buffer.concat([PKCS8_FRAME, bytes]), format: 'der', type: 'pkcs8' });
}

const PKCS8_FRAME = Buffer.from('302e020100300506032b656e04220420', 'hex');

const publicOf = (key: KeyObject): string => base64Of(createPublicKey(key), 'x');

function base64Of(key: KeyObject, part: 'd' | 'x'): string {
  return Buffer.from(key.export({ format: 'jwk' })[part] as string, 'base64url').toString('base64');
}
