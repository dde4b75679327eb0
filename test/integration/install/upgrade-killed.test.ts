import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { build } from 'esbuild';
import { type Installation, installationAt } from '../../../agent/upgrade/installation.ts';
import { agentUpgrade } from '../../../agent/upgrade/upgrade.ts';
import { type TestControlPlane, testControlPlane } from './control-plane.ts';
import { install, run } from './run-script.ts';

/** Real processes, ended by SIGKILL before each of their effects in turn: files, links, and the programs that they run. */

const ROOT = join(import.meta.dirname, '../../..');
let plane: TestControlPlane;

beforeEach(async () => {
  plane = await testControlPlane();
});
afterEach(() => plane.stop());

/** A host with 1.0.0, and the archive of 1.1.0. */
async function oldAgent(): Promise<{ installation: Installation; sha256: string }> {
  await plane.publish('1.0.0');
  const prefix = join(plane.directory, 'host');
  expect((await install(plane, ['--prefix', prefix])).code).toBe(0);
  await plane.publish('1.1.0');
  const sha256 = createHash('sha256')
    .update(await readFile(plane.archive()))
    .digest('hex');
  return { installation: installationAt(prefix), sha256 };
}

/** The version that systemd starts, which must be whole. */
async function started({ guard, current }: Installation): Promise<string> {
  expect((await run(guard, ['start'])).code).toBe(0);
  expect(await run(join(current, 'bin/node'), ['--check', join(current, 'lib/agent.mjs')])).toMatchObject({ code: 0 });
  return basename(await readlink(current)).replace(/-.*/, '');
}

test('an agent that is killed at any step of an upgrade leaves one that starts, and the next upgrade succeeds', async () => {
  const program = join(plane.directory, 'upgrade.mjs');
  await writeFile(program, await upgradeProgram());
  const seen: string[] = [];
  const { installation, sha256 } = await oldAgent();
  const { base, versions, current, result } = installation;
  const from = await readlink(current);
  for (let step = 0; ; step++) {
    const { code, signal } = await ends(process.execPath, [program, base, plane.archive(), sha256, String(step)]);
    if (signal === null) {
      expect(code).toBe(0);
      break;
    }
    expect(signal).toBe('SIGKILL');
    const version = await started(installation);
    seen.push(version);
    if (version === '1.0.0') {
      expect(await agentUpgrade({ installation, now: Date.now }).pending()).toBe(false);
      expect(await ends(process.execPath, [program, base, plane.archive(), sha256, 'never'])).toMatchObject({ code: 0 });
    }
    expect(await started(installation)).toBe('1.1.0');
    const next = agentUpgrade({
      installation: installationAt(base, basename(await readlink(installation.current))),
      now: Date.now,
    });
    expect(await next.pending()).toBe(true);
    await next.healthy();
    expect(await next.last()).toMatchObject({ version: '1.1.0', outcome: 'healthy' });
    // As if nothing had been.
    await rm(current);
    await symlink(from, current);
    for (const name of await readdir(versions)) if (name !== basename(from)) await rm(join(versions, name), { recursive: true });
    await rm(result);
  }
  // First the old one, from some step on the new one.
  expect(seen.length).toBeGreaterThan(10);
  expect(seen).toEqual(seen.toSorted());
  expect(new Set(seen).size).toBe(2);
}, 120_000);

test('a guard that is killed at any step of going back has gone back after the next start', async () => {
  const tools = join(plane.directory, 'tools');
  await mkdir(tools);
  for (const tool of ['cat', 'date', 'ln', 'mv', 'readlink', 'rm', 'sed', 'sync']) {
    const [path] = (await run('/bin/sh', ['-c', `command -v ${tool}`])).stdout.split('\n');
    // The whole group: shell, its parts of pipes, and this.
    const kills = `n=$(wc -l <"$STEPS")\necho >>"$STEPS"\n[ "$n" -lt "$STEP" ] || kill -9 0\n`;
    await writeFile(join(tools, tool), `#!/bin/sh\n${kills}exec ${path} "$@"\n`);
    await chmod(join(tools, tool), 0o755);
  }
  const { installation, sha256 } = await oldAgent();
  const { guard, current, pending, base } = installation;
  const from = await readlink(current);
  const old = agentUpgrade({ installation, now: Date.now, arm: async () => {}, restart: async () => {} });
  for (let step = 0; ; step++) {
    await old.upgradeTo('1.1.0', plane.archive(), sha256);
    expect(basename(await readlink(current))).toMatch(/^1\.1\.0-/);
    for (let starts = 0; starts < 3; starts++) expect(await started(installation)).toBe('1.1.0');
    const steps = join(plane.directory, `steps${step}`);
    await writeFile(steps, '');
    const env = { PATH: `${tools}:${process.env.PATH}`, STEPS: steps, STEP: String(step) };
    const { signal } = await ends(guard, ['start'], env);
    expect(await started(installation)).toBe('1.0.0');
    expect(await readlink(current)).toBe(from);
    expect(await readdir(base)).not.toContain(basename(pending));
    if (signal === null) break;
    expect(step).toBeLessThan(100);
  }
}, 120_000);

function ends(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    // A group of its own, that is ended with it as systemd ends a service's.
    const child = spawn(command, args, { detached: true, stdio: 'ignore', env });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve({ code, signal }));
  });
}

/** BASE ARCHIVE SHA256 STEP: what the agent does when it is told to upgrade, and SIGKILL before its effect number STEP. */
async function upgradeProgram(): Promise<string> {
  const result = await build({
    stdin: {
      contents: `
        import childProcess from 'node:child_process';
        import files from 'node:fs/promises';
        import { syncBuiltinESMExports } from 'node:module';
        const [base, archive, sha256, step] = process.argv.slice(2);
        let done = 0;
        const killsBefore = (of, name) => {
          const original = of[name];
          const own = (...args) => {
            if (done++ === Number(step)) process.kill(process.pid, 'SIGKILL');
            return original(...args);
          };
          for (const key of Object.getOwnPropertySymbols(original)) {
            own[key] = (...args) => {
              if (done++ === Number(step)) process.kill(process.pid, 'SIGKILL');
              return original[key](...args);
            };
          }
          of[name] = own;
        };
        for (const name of ['mkdir', 'open', 'rename', 'rm', 'symlink']) killsBefore(files, name);
        killsBefore(childProcess, 'execFile');
        syncBuiltinESMExports();
        const { installationAt } = await import('./agent/upgrade/installation.ts');
        const { agentUpgrade } = await import('./agent/upgrade/upgrade.ts');
        const here = async () => {
          if (done++ === Number(step)) process.kill(process.pid, 'SIGKILL');
        };
        const upgrade = agentUpgrade({ installation: installationAt(base), now: () => Date.now(), arm: here, restart: here });
        await upgrade.upgradeTo('1.1.0', archive, sha256);`,
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  return result.outputFiles[0]!.text;
}
