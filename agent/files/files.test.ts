import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readJson, writeAtomic } from './atomic-file.ts';
import { lockDirectory } from './directory-lock.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'trn-files-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a file that is replaced', () => {
  test('is the new one, for its owner only, with nothing left beside it', async () => {
    const path = join(directory, 'state.json');
    await writeAtomic(path, '{"a":1}');
    await writeAtomic(path, '{"a":2}');
    expect(await readJson(path)).toEqual({ a: 2 });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(directory)).toEqual(['state.json']);
  });

  test('is the old one when writing fails', async () => {
    const path = join(directory, 'state.json');
    await writeAtomic(path, 'old');
    // A directory where the temporary file would be.
    mkdirSync(`${path}.new`);
    await expect(writeAtomic(path, 'new')).rejects.toThrow('EISDIR');
    expect(readFileSync(path, 'utf8')).toBe('old');
  });

  test('that is not there is undefined, that is damaged an error', async () => {
    expect(await readJson(join(directory, 'none'))).toBeUndefined();
    writeFileSync(join(directory, 'bad'), '{');
    await expect(readJson(join(directory, 'bad'))).rejects.toThrow(SyntaxError);
  });
});

describe('a locked directory', () => {
  test('is for one process, until that lets go', () => {
    const unlock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(`another agent (process ${process.pid}) runs on ${directory}`);
    unlock();
    lockDirectory(directory)();
  });

  test('is free when its process is gone, or another has its id now', () => {
    writeFileSync(join(directory, 'agent.lock'), '4194999 5');
    lockDirectory(directory)();
    writeFileSync(join(directory, 'agent.lock'), `${process.pid} 5`);
    lockDirectory(directory)();
    writeFileSync(join(directory, 'agent.lock'), '');
    lockDirectory(directory)();
  });
});
