import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import pinned from '../../agent/install/runtime.json' with { type: 'json' };
import { tarMembers } from './tar.ts';

/** CPU architectures as Node names them (process.arch). */
export type Arch = keyof typeof pinned.packages;
export const ARCHES = Object.keys(pinned.packages) as Arch[];
export const RUNTIME_VERSION = pinned.version;

const run = promisify(execFile);

/**
 * The Node runtime that hosts run the agent with, as a gzip member holding the tar members `bin/node` and `LICENSE.node`:
 * gzip files may be joined, so an archive with a new agent costs no new compression of 120 MB.
 *
 * Fetched once with the npm client (package `node-linux-<arch>`), checked against the pinned hash, kept in `cacheDir`. It is no
 * dependency in package.json because its bin would shadow the `node` that npm scripts run with.
 */
export async function runtimeMember(arch: Arch, cacheDir: string, say: (line: string) => void): Promise<Buffer> {
  const { name, integrity } = pinned.packages[arch];
  const cached = join(cacheDir, `${name}-${pinned.version}.member.gz`);
  if (existsSync(cached)) return readFile(cached);

  await mkdir(cacheDir, { recursive: true });
  const work = await mkdtemp(join(cacheDir, 'fetch-'));
  try {
    say(`fetching ${name}@${pinned.version} (the agent's Node runtime, 50 MB, once)`);
    const archive = await fetchPackage(`${name}@${pinned.version}`, work);
    const found = `sha512-${createHash('sha512')
      .update(await readFile(archive))
      .digest('base64')}`;
    if (found !== integrity) throw new Error(`${name}@${pinned.version} is not what agent/install/runtime.json pins: ${found}`);
    await run('tar', ['-xzf', archive, '-C', work, 'package/bin/node', 'package/LICENSE']);
    const member = gzipSync(
      tarMembers([
        { path: 'bin/node', mode: 0o755, content: await readFile(join(work, 'package/bin/node')) },
        { path: 'LICENSE.node', mode: 0o644, content: await readFile(join(work, 'package/LICENSE')) },
      ]),
      { level: 1 },
    );
    // Written aside and renamed, so that an interrupted build leaves no half file that looks whole.
    await writeFile(join(work, 'member.gz'), member);
    await rename(join(work, 'member.gz'), cached);
    return member;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function fetchPackage(spec: string, directory: string): Promise<string> {
  try {
    // Fewer and shorter tries than npm's own: a person waits for this.
    const retries = ['--fetch-retries=1', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
    const args = ['pack', spec, '--pack-destination', '.', '--ignore-scripts', '--loglevel=error', ...retries];
    const { stdout } = await run('npm', args, { cwd: directory, maxBuffer: 64 * 1024 * 1024 });
    return join(directory, stdout.trim().split('\n').at(-1)!);
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim() || (error as Error).message;
    const detail = said.split('\n').slice(0, 4).join('\n');
    throw new Error(
      `could not fetch ${spec} from the npm registry, and hosts need it to run the agent.\n${detail}\n` +
        'Check the network and `npm config get registry`, then run `npm run build` again. ' +
        'Without it: `npm run build -- --no-runtime` builds the command line and server only.',
    );
  }
}
