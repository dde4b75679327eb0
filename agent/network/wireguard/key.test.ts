import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { wireguardKey } from './key.ts';

const directory = mkdtempSync(join(tmpdir(), 'trn-key-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('a key is made once, for its owner alone, and stays the same', async () => {
  const file = join(directory, 'one');
  const { publicKey } = await wireguardKey(file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(Buffer.from(readFileSync(file, 'utf8'), 'base64')).toHaveLength(32);
  expect((await wireguardKey(file)).publicKey).toBe(publicKey);
});

// As `wg pubkey` of wireguard-tools 1.0.20210914 says.
test('the public key is the one that belongs to the private one', async () => {
  const file = join(directory, 'known');
  writeFileSync(file, 'dGVycmFuZSB0ZXJyYW5lIHRlcnJhbmUgdGVycmFuZSA=\n');
  expect((await wireguardKey(file)).publicKey).toBe('9Yw2PLqf26cveum3XkgQ+iO9E8dbbhHJOGiYrZwXwEI=');
});

test('a file that holds something else is not overwritten', async () => {
  const file = join(directory, 'other');
  writeFileSync(file, 'precious');
  await expect(wireguardKey(file)).rejects.toThrow('holds no WireGuard key: remove it');
  expect(readFileSync(file, 'utf8')).toBe('precious');
});
