import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { keyFile } from './key-file.ts';

const directory = mkdtempSync(join(tmpdir(), 'terrane-key-'));
afterAll(() => rmSync(directory, { recursive: true }));
let count = 0;
const newFile = () => join(directory, `sub${++count}`, 'secrets.key');
const unreadable = expect.objectContaining({ code: 'secret_unreadable' });

describe('the key file', () => {
  test('is made once, for its owner only, and unwraps what it wrapped after a restart', async () => {
    const file = newFile();
    const { plain, wrapped } = await (await keyFile(file)).generate('t1');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(plain).toHaveLength(32);
    expect(Buffer.from(wrapped).includes(Buffer.from(plain))).toBe(false);
    expect(await (await keyFile(file)).unwrap('t1', wrapped)).toEqual(plain);
  });

  test('made by two servers at once is one', async () => {
    const file = newFile();
    const [a, b] = await Promise.all([keyFile(file), keyFile(file)]);
    const { plain, wrapped } = await a.generate('t1');
    expect(await b.unwrap('t1', wrapped)).toEqual(plain);
  });

  test('unwraps for no other organisation, and nothing that was changed', async () => {
    const encryption = await keyFile(newFile());
    const { wrapped } = await encryption.generate('t1');
    await expect(encryption.unwrap('t2', wrapped)).rejects.toEqual(unreadable);
    const changed = Buffer.from(wrapped);
    changed[30]! ^= 1;
    await expect(encryption.unwrap('t1', changed)).rejects.toEqual(unreadable);
    await expect(encryption.unwrap('t1', wrapped.subarray(0, 10))).rejects.toEqual(unreadable);
  });

  test('with a new key before the old one wraps with the new and unwraps with both', async () => {
    const file = newFile();
    const old = await (await keyFile(file)).generate('t1');
    writeFileSync(file, `${randomBytes(32).toString('base64')}\n${readFileSync(file, 'utf8')}`);
    const both = await keyFile(file);
    const next = await both.generate('t1');
    expect(Buffer.from(next.wrapped).subarray(0, 8)).not.toEqual(Buffer.from(old.wrapped).subarray(0, 8));
    expect(await both.unwrap('t1', old.wrapped)).toEqual(old.plain);
  });

  test('of another installation is named as the trouble', async () => {
    const { wrapped } = await (await keyFile(newFile())).generate('t1');
    const other = newFile();
    await expect((await keyFile(other)).unwrap('t1', wrapped)).rejects.toThrow(`${other} is not the key file`);
  });

  test('that others can read, or that is none, keeps the server from starting', async () => {
    const file = newFile();
    await keyFile(file);
    chmodSync(file, 0o644);
    await expect(keyFile(file)).rejects.toThrow(/chmod 600/);
    chmodSync(file, 0o600);
    writeFileSync(file, 'nonsense\n');
    await expect(keyFile(file)).rejects.toThrow(/damaged/);
  });
});
