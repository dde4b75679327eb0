import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { manifestText } from '../../../bin/build/manifest.ts';
import { tarEnd, tarMembers } from '../../../bin/build/tar.ts';
import { createInstall, keyFingerprint } from '../../../functions/node/install.ts';

const SOURCE = join(import.meta.dirname, '../../../agent/install');

/**
 * The install routes over real HTTP, with the real script and launcher, and in the archive a runtime that is this machine's
 * Node and an agent that "joins" (and stays, as a node named `stay`): small enough to make anew for each test.
 */
export interface TestControlPlane {
  readonly url: string;
  readonly fingerprint: string;
  /** A directory of the test's own. */
  readonly directory: string;
  readonly artifacts: string;
  archive(): string;
  /** Makes the archive and the manifest of a version. */
  publish(version: string, options?: PublishOptions): Promise<void>;
  /** What the server signs with from now on. */
  signWith(key: KeyObject): void;
  stop(): Promise<void>;
}

export interface PublishOptions {
  readonly runtime?: string;
  readonly arch?: string;
  /** What the version makes of the templates of the service's files. */
  readonly share?: (text: string) => string;
}

/** That a host joins with any other token. */
export const CLUSTER = 'cluster-one';
export const REFUSED_TOKEN = 'trn_join_refused';

const AGENT = `
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const data = option('--data');
const token = readFileSync(option('--token-file'), 'utf8').trim();
if (token === '${REFUSED_TOKEN}') {
  console.error('error: the control plane refused this host: The token has expired.\\n  Make a new one.');
  process.exit(78);
}
writeFileSync(data + '/identity.json', JSON.stringify({ nodeName: 'test-node', cluster: '${CLUSTER}', hostId: 'h1' }, null, 2));
if (process.argv.includes('stay')) {
  writeFileSync(data + '/agent.lock', process.pid + ' 1');
  setInterval(() => {}, 1000);
}
console.log(JSON.stringify({ pid: process.pid, arguments: process.argv.slice(2), token, flags: process.execArgv }));
`;

export async function testControlPlane(): Promise<TestControlPlane> {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-install-'));
  const artifacts = join(directory, 'artifacts');
  await mkdir(artifacts);
  const pair = generateKeyPairSync('ed25519');
  const publicKeyPem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  let privateKey = pair.privateKey;
  let name = '';

  const app = new Hono();
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' });
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  app.route(
    '/',
    createInstall({ artifactsDir: artifacts, serverUrl: url, publicKeyPem, sign: (bytes) => sign(null, bytes, privateKey) }),
  );
  await writeFile(join(artifacts, 'install.sh'), await readFile(join(SOURCE, 'install.sh')));

  return {
    url,
    directory,
    artifacts,
    fingerprint: keyFingerprint(publicKeyPem),
    archive: () => join(artifacts, name),
    async publish(version, options = {}) {
      const { runtime = `#!/bin/sh\nexec ${process.execPath} "$@"\n`, arch = process.arch, share = (text) => text } = options;
      const file = async (path: string, mode: number, source: string) => ({
        path,
        mode,
        content: await readFile(join(SOURCE, source)),
      });
      const shared = async (mode: number, source: string) => {
        const content = Buffer.from(share(await readFile(join(SOURCE, source), 'utf8')));
        return { path: `share/${source}`, mode, content };
      };
      const members = tarMembers([
        { path: 'bin/node', mode: 0o755, content: Buffer.from(runtime) },
        await file('bin/terrane-agent', 0o755, 'terrane-agent'),
        { path: 'lib/agent.mjs', mode: 0o644, content: Buffer.from(`// ${version}\n${AGENT}`) },
        await shared(0o644, 'terrane-agent.service'),
        await shared(0o755, 'upgrade-guard.sh'),
        await shared(0o755, 'uninstall.sh'),
      ]);
      const content = gzipSync(Buffer.concat([members, tarEnd()]));
      name = `terrane-agent-${version}-linux-${arch}.tar.gz`;
      const sha256 = createHash('sha256').update(content).digest('hex');
      const artifact = { name, os: 'linux' as const, arch, size: content.length, sha256 };
      await writeFile(join(artifacts, name), content);
      await writeFile(join(artifacts, 'manifest.json'), manifestText({ version, runtime: '0', artifacts: [artifact] }));
    },
    signWith(key) {
      privateKey = key;
    },
    async stop() {
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}
