import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { type ManifestArtifact, manifestText } from './manifest.ts';
import { type Arch, RUNTIME_VERSION, runtimeMember } from './runtime.ts';
import { tarEnd, tarMembers } from './tar.ts';

const SOURCE = 'agent/install';
const CACHE = 'node_modules/.cache/terrane';

/** The archives, the manifest that names them, and the script's template, as functions/node/install.ts serves them. */
export async function buildAgentArtifacts(options: {
  directory: string;
  arches: readonly Arch[];
  readonly say: (line: string) => void;
}): Promise<void> {
  const { directory, arches, say } = options;
  await mkdir(directory, { recursive: true });
  const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string };
  const agent = tarMembers([
    { path: 'bin/terrane-agent', mode: 0o755, content: await readFile(`${SOURCE}/terrane-agent`) },
    { path: 'lib/agent.mjs', mode: 0o644, content: await readFile(join(directory, 'agent.mjs')) },
    { path: 'share/terrane-agent.service', mode: 0o644, content: await readFile(`${SOURCE}/terrane-agent.service`) },
    { path: 'share/upgrade-guard.sh', mode: 0o755, content: await readFile(`${SOURCE}/upgrade-guard.sh`) },
    { path: 'share/uninstall.sh', mode: 0o755, content: await readFile(`${SOURCE}/uninstall.sh`) },
    { path: 'LICENSE', mode: 0o644, content: await readFile('LICENSE') },
  ]);
  const agentMember = gzipSync(Buffer.concat([agent, tarEnd()]));

  const artifacts: ManifestArtifact[] = [];
  for (const arch of arches) {
    const content = Buffer.concat([await runtimeMember(arch, CACHE, say), agentMember]);
    const name = `terrane-agent-${version}-linux-${arch}.tar.gz`;
    artifacts.push({ name, os: 'linux', arch, size: content.length, sha256: sha256(content) });
    await replace(join(directory, name), content, say);
  }
  await replace(join(directory, 'install.sh'), await readFile(`${SOURCE}/install.sh`), say);
  await replace(
    join(directory, 'manifest.json'),
    Buffer.from(manifestText({ version, runtime: RUNTIME_VERSION, artifacts })),
    say,
  );
}

/** Renames over the old file, so that a server that is serving it never sends a mixture. */
async function replace(path: string, content: Uint8Array, say: (line: string) => void): Promise<void> {
  const old = await readFile(path).catch(() => undefined);
  if (old && sha256(old) === sha256(content)) return;
  await writeFile(`${path}.new`, content);
  await rename(`${path}.new`, path);
  say(`${path} (${(content.length / 2 ** 20).toFixed(1)} MB)`);
}

function sha256(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
