import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../core/ports/logger.ts';
import { checkDataFormat } from './data-format.ts';

const directory = mkdtempSync(join(tmpdir(), 'terrane-format-'));
const file = join(directory, 'format');
beforeEach(() => rmSync(file, { recursive: true, force: true }));
afterAll(() => rmSync(directory, { recursive: true }));

test('a directory without a format gets that of today, and is used again', () => {
  checkDataFormat(directory, silentLogger);
  expect(readFileSync(file, 'utf8')).toBe('1\n');
  checkDataFormat(directory, silentLogger);
  expect(readdirSync(directory)).toEqual(['format']);
});

test('a newer format is refused with what to do, and stays', () => {
  writeFileSync(file, '2\n');
  expect(() => checkDataFormat(directory, silentLogger)).toThrow(/its format is 2.*Start the newer server again.*--data/);
  expect(readFileSync(file, 'utf8')).toBe('2\n');
});

test('a damaged format is refused, and one that can not be read is not taken for none', () => {
  writeFileSync(file, 'x');
  expect(() => checkDataFormat(directory, silentLogger)).toThrow(/is damaged.*Restore the file from a backup/);
  rmSync(file);
  mkdirSync(file);
  expect(() => checkDataFormat(directory, silentLogger)).toThrow('EISDIR');
});

test('where nothing can be written a server of the right format starts all the same, and says so', () => {
  const said: string[] = [];
  mkdirSync(`${file}.new`);
  checkDataFormat(directory, { ...silentLogger, warn: (message) => void said.push(message) });
  rmSync(`${file}.new`, { recursive: true });
  expect(said).toEqual(["the data's format could not be written down"]);
});
