import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { groupRuns } from '../../../bin/machine/process-start.ts';
import { eventually } from '../../support/eventually.ts';

/** `npx terrane server &`, as README.md has it: whoever ends it has the number of npx, which tells its shell, which tells nobody. */

const TERRANE = join(import.meta.dirname, '../../../dist/terrane.mjs');

let dataDir: string;
const started: ReturnType<typeof spawn>[] = [];
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'terrane-npx-'));
});
afterEach(() => {
  // With its group, should the server still be there.
  for (const { pid } of started.splice(0)) if (groupRuns(pid!)) process.kill(-pid!, 'SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

async function startByShell(name: string, text: string) {
  const args = `server --data ${dataDir} --listen 127.0.0.1:0 --tls-listen 127.0.0.1:0 --json`;
  // A command after it keeps the shell from becoming the server.
  const shell = spawn('sh', ['-c', `${process.execPath} ${TERRANE} ${args} & echo $!; wait`], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
    env: { ...process.env, npm_lifecycle_event: name, npm_lifecycle_script: text },
  });
  started.push(shell);
  const lines = createInterface({ input: shell.stdout })[Symbol.asyncIterator]();
  const { value: pid } = await lines.next();
  const { value: ready } = await lines.next();
  return { shell, pid: Number(pid), http: (JSON.parse(ready as string) as { http: string }).http };
}

const answers = (http: string) =>
  fetch(`${http}/healthz`).then(
    () => true,
    () => false,
  );

test('ends when its shell is told to stop, and gives its data free', async () => {
  const { shell, http } = await startByShell('npx', "'terrane'");
  shell.kill('SIGTERM');
  await once(shell, 'exit');
  await eventually('it is gone', async () => expect(await answers(http)).toBe(false), { timeoutMs: 20_000 });
  const again = await eventually('the directory is free', () => startByShell('npx', "'terrane'"), { timeoutMs: 20_000 });
  process.kill(again.pid, 'SIGTERM');
  await once(again.shell, 'exit');
}, 60_000);

test.each([
  ['demo', 'tsx bin/demo.ts'],
  ['npx', "'tsx'"],
])(
  'started by what npm ran otherwise (%s: %s) it may outlive it, as with the demo and --keep',
  async (name, text) => {
    const { shell, pid, http } = await startByShell(name, text);
    shell.kill('SIGTERM');
    await once(shell, 'exit');
    // Three times as long as the other takes to see it.
    const until = performance.now() + 1500;
    while (performance.now() < until) {
      expect(await answers(http)).toBe(true);
      await delay(100);
    }
    process.kill(pid, 'SIGTERM');
    await eventually('it is gone', async () => expect(await answers(http)).toBe(false), { timeoutMs: 20_000 });
  },
  60_000,
);
