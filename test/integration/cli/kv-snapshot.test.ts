import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type TestTerrane, testTerrane } from './support.ts';

describe('terrane kv snapshot', () => {
  let terrane: TestTerrane;
  let file: string;
  beforeAll(async () => {
    terrane = await testTerrane();
    file = join(terrane.directory, 'backup.snap');
  });
  afterAll(() => terrane.stop());

  const value = () => terrane.must(['kv', 'get', 'a', '--print-value-only']);

  test('saves the store to a file that only its owner can read, and brings it back; a restore can be undone', async () => {
    await terrane.must(['kv', 'put', 'a', '1']);
    expect(await terrane.must(['kv', 'snapshot', 'save', file])).toMatch(/^Saved \d+ bytes to .*backup.snap, as of commit 1/);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    await terrane.must(['kv', 'put', 'a', '2']);
    const said = await terrane.must(['kv', 'snapshot', 'restore', file, '--yes']);
    expect(said).toContain('Restored 1 keys');
    expect(await value()).toBe('1\n');
    const undo = /terrane kv (snapshot restore --sequence \d+)/.exec(said)![1]!.split(' ');
    await terrane.must(['kv', ...undo], { answers: ['y'] });
    expect(await value()).toBe('2\n');
    expect(JSON.parse(await terrane.must(['kv', 'snapshot', 'save', file, '--json']))).toMatchObject({ sequence: 4 });
  });

  test('refuses what is damaged, what is no snapshot, and to replace everything unasked, and changes nothing', async () => {
    const damaged = Buffer.from(await readFile(file));
    damaged[damaged.length - 40]! ^= 1;
    await writeFile(join(terrane.directory, 'damaged'), damaged);
    await writeFile(join(terrane.directory, 'other'), 'SQLite format 3');
    for (const [args, answers, words] of [
      [[join(terrane.directory, 'damaged'), '--yes'], undefined, 'checksum'],
      [[join(terrane.directory, 'other'), '--yes'], undefined, 'terrane kv snapshot save'],
      [[join(terrane.directory, 'missing'), '--yes'], undefined, 'missing'],
      [['--sequence', '999', '--yes'], undefined, 'no such commit'],
      [['--sequence', 'x', '--yes'], undefined, 'x'],
      [[], undefined, 'what to restore'],
      [[file], undefined, '--yes'],
      [[file], ['n'], ''],
    ] as const) {
      const { code, stderr } = await terrane.run(['kv', 'snapshot', 'restore', ...args], answers ? { answers } : {});
      expect([args, code === 0, stderr.includes(words)]).toEqual([args, false, true]);
    }
    expect(await value()).toBe('2\n');
  });
});
