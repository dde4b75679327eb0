import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { unitFiles } from './unit-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'terrane-unit-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const UNIT = { uid: 'u', placement: 1, hash: 'h', desired: 'launched', generation: 1, fenced: false } as const;
const SLEEP = '[Service]\nExecStart=/bin/sleep infinity';

test('a file that an administrator, or a program, has put there is not replaced by a unit of that name, and an own one is', async () => {
  const files = unitFiles({ directory, memory: join(directory, 'memory'), owner: 'cluster/host' });
  const [theirs, own] = [
    { ...UNIT, name: 'theirs.service', contents: SLEEP },
    { ...UNIT, name: 'own.service', contents: SLEEP },
  ];
  writeFileSync(join(directory, theirs.name), SLEEP);
  await expect(files.write(theirs)).rejects.toThrow('give the unit another name');
  expect(readFileSync(join(directory, theirs.name), 'utf8')).toBe(SLEEP);
  for (const hash of ['h', 'i']) await files.write({ ...own, hash });
  await files.remove(theirs.name);
  expect([...(await files.list())]).toEqual([['own.service', { uid: 'u', hash: 'i', fenced: false }]]);
});
