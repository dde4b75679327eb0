import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { endProgram } from './end-program.ts';

/** Longer than what the kernel keeps of a program's name. */
const PROGRAM = `trn-${process.pid}-end-program`;
const directory = mkdtempSync(join(tmpdir(), 'terrane-end-program-'));
const file = join(directory, PROGRAM);
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

/** It says that it runs, and ends when it is told to. */
async function start(device: string): Promise<ChildProcess> {
  const child = spawn(file, [device], { stdio: ['pipe', 'pipe', 'ignore'] });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

test('a program that hangs is killed for its device, and one for another device is left alone', async () => {
  writeFileSync(file, '#!/bin/sh\necho ready\nread line\n', { mode: 0o755 });
  const hangs = await start('trn-test-a');
  const others = await start('trn-test-b');
  hangs.kill('SIGSTOP');
  const ended = once(hangs, 'exit');
  await endProgram(PROGRAM, 'trn-test-a');
  expect(await ended).toEqual([null, 'SIGKILL']);
  // There is none any more: that is no error.
  await endProgram(PROGRAM, 'trn-test-a');
  const left = once(others, 'exit');
  others.stdin!.end('go\n');
  expect(await left).toEqual([0, null]);
});
