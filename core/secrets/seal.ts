import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { TerraneError } from '../errors/terrane-error.ts';
import { type KeyRing, KeyNotLoadedError } from './data-key.ts';

/**
 * Where a sealed value belongs: part of what is authenticated (AAD), so that a ciphertext opens nowhere else. The key is that of the
 * registry keyspace.
 */
export interface Place {
  readonly tenant: string;
  readonly cluster: string;
  readonly key: string;
}

const VERSION = '1';
const CIPHER = 'aes-256-gcm';
/** Random for each value: 2^32 values under one key are safe (NIST SP 800-38D, 8.3), and keys change every year. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SCHEME = { plain: 0, deflate: 1 } as const;
/** Base64 inside of base64 would make a Secret of 1 MiB, which Kubernetes allows, too large for a transaction. */
const COMPRESS_FROM_BYTES = 16_384;
/** What a damaged or hostile value may inflate to at most. */
const INFLATED_BYTES_MAX = 16_000_000;

/** `1.<key id>.<base64 of nonce, ciphertext and tag>`. Throws KeyNotLoadedError if the ring has no current key. */
export function seal(text: string, ring: KeyRing, place: Place): string {
  const { current } = ring;
  if (!current) throw new KeyNotLoadedError(undefined);
  const bytes = Buffer.from(text, 'utf8');
  const compress = bytes.length >= COMPRESS_FROM_BYTES;
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, current.bytes, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated(current.id, place));
  const sealed = Buffer.concat([
    nonce,
    cipher.update(Buffer.of(compress ? SCHEME.deflate : SCHEME.plain)),
    cipher.update(compress ? deflateRawSync(bytes) : bytes),
    cipher.final(),
    cipher.getAuthTag(),
  ]);
  return `${VERSION}.${current.id}.${sealed.toString('base64')}`;
}

/** Throws KeyNotLoadedError, or TerraneError `secret_unreadable` for what was changed, moved, or sealed with another key. */
export function open(sealed: string, ring: KeyRing, place: Place): string {
  const id = keyIdOf(sealed);
  const key = ring.get(id);
  if (!key) throw new KeyNotLoadedError(id);
  const bytes = Buffer.from(sealed.slice(sealed.lastIndexOf('.') + 1), 'base64');
  if (bytes.length < NONCE_BYTES + 1 + TAG_BYTES) throw unreadable('it is cut short');
  try {
    const decipher = createDecipheriv(CIPHER, key.bytes, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAAD(associated(id, place));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const plain = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
    const rest = plain.subarray(1);
    return (plain[0] === SCHEME.deflate ? inflateRawSync(rest, { maxOutputLength: INFLATED_BYTES_MAX }) : rest).toString('utf8');
  } catch {
    // What the library says adds nothing: GCM doesn't tell a wrong key from a changed byte.
    throw unreadable('its ciphertext does not match its key and place');
  }
}

/** Which key a sealed value needs. */
export function keyIdOf(sealed: string): number {
  const match = /^1\.(\d{1,9})\.[A-Za-z0-9+/]+={0,2}$/.exec(sealed);
  if (!match) throw unreadable('its format is not known to this version of Terrane');
  return Number(match[1]);
}

/** Each part with its length, so that no two places give the same bytes. */
function associated(id: number, { tenant, cluster, key }: Place): Buffer {
  return Buffer.from(
    ['terrane secret', VERSION, String(id), tenant, cluster, key].map((part) => `${part.length}:${part}`).join(','),
    'utf8',
  );
}

function unreadable(why: string): TerraneError {
  return new TerraneError('secret_unreadable', `The Secret can not be decrypted: ${why}.`);
}
