import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TerraneError } from '../core/errors/terrane-error.ts';
import type { KeyEncryption } from '../core/ports/key-encryption.ts';

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const ID_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

interface FileKey {
  /** Of a key, not secret: stands before what it wrapped. */
  readonly id: Buffer;
  readonly bytes: Buffer;
}

/**
 * Data keys wrapped by a key in a file (0600), made at first use: for the embedded server. A line is a key, base64; the first wraps, all
 * unwrap, so that a new one is put before the others. Throws if the file isn't private, or isn't one.
 */
export async function keyFile(file: string): Promise<KeyEncryption> {
  const keys = parse(file, await readOrMake(file));
  return {
    async generate(tenant) {
      const plain = randomBytes(KEY_BYTES);
      const { id, bytes } = keys[0]!;
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(associated(tenant));
      const wrapped = Buffer.concat([id, nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
      return { plain, wrapped };
    },
    async unwrap(tenant, wrapped) {
      const bytes = Buffer.from(wrapped);
      const key = keys.find(({ id }) => id.equals(bytes.subarray(0, ID_BYTES)));
      if (!key) throw unreadable(`${file} is not the key file that the organisation's data key was wrapped with`);
      try {
        const nonce = bytes.subarray(ID_BYTES, ID_BYTES + NONCE_BYTES);
        const decipher = createDecipheriv(CIPHER, key.bytes, nonce, { authTagLength: TAG_BYTES });
        decipher.setAAD(associated(tenant));
        decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(bytes.subarray(ID_BYTES + NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch {
        throw unreadable("the organisation's data key is damaged");
      }
    },
  };
}

function associated(tenant: string): Buffer {
  return Buffer.from(`terrane data key of ${tenant}`, 'utf8');
}

function parse(file: string, text: string): FileKey[] {
  const keys = text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => Buffer.from(line.trim(), 'base64'));
  if (keys.length === 0 || keys.some(({ length }) => length !== KEY_BYTES))
    throw new Error(`${file} is damaged: each line must be ${KEY_BYTES} bytes in base64. Restore it from a backup`);
  return keys.map((bytes) => ({
    bytes,
    id: createHash('sha256').update('terrane key file').update(bytes).digest().subarray(0, ID_BYTES),
  }));
}

async function readOrMake(file: string): Promise<string> {
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) throw new Error(`${file} can be read by others: run chmod 600 ${file}`);
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  // Whole or not at all: half a key would lock everything up.
  const work = `${file}.${randomBytes(6).toString('hex')}`;
  await writeFile(work, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    await link(work, file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Some file systems know no links. There is one server to a directory, so that nobody else has made one meanwhile.
    if (code === 'EPERM' || code === 'ENOTSUP') await rename(work, file);
    else if (code !== 'EEXIST') throw error;
  } finally {
    await rm(work, { force: true });
  }
  return readFile(file, 'utf8');
}

function unreadable(why: string): TerraneError {
  return new TerraneError('secret_unreadable', `Secrets can not be decrypted: ${why}.`);
}
