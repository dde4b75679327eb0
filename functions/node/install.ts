import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type Context, Hono } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import { fillInstallScript } from './install-script.ts';

export { keyFingerprint } from './install-script.ts';

/**
 * What a host fetches before it has joined: the install script, and the agent's archives with their signed manifest. Public,
 * and the same for everyone: nothing here is secret, all of it is checked by checksum and signature on the host.
 */
export interface InstallDeps {
  /** What `npm run build` makes: install.sh (a template), manifest.json and the archives it names. */
  readonly artifactsDir: string;
  /** URL that hosts reach the control plane by. */
  readonly serverUrl: string;
  /** Certificate authority of that URL, when it is a private one. */
  readonly caPem?: string;
  /** Ed25519 key that signs the manifest (SPKI PEM). */
  readonly publicKeyPem: string;
  /** Ed25519 signature, 64 bytes, with the private half. */
  readonly sign: (bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>;
}

interface ManifestFile {
  readonly bytes: Buffer;
  readonly sha256: string;
  readonly version: string;
  readonly artifacts: readonly { readonly name: string; readonly sha256: string }[];
}

/** GET /install.sh, /artifacts/manifest.json, /artifacts/manifest.json.sig, /artifacts/<archive> */
export function createInstall(deps: InstallDeps): Hono {
  const app = new Hono();
  app.get('/install.sh', async (c) => {
    const script = await installScript(deps);
    return answer(c, Buffer.from(script), 'text/x-shellscript; charset=utf-8');
  });
  app.get('/artifacts/manifest.json', async (c) => {
    const { bytes } = await readManifest(deps.artifactsDir);
    return answer(c, bytes, 'application/json');
  });
  app.get('/artifacts/manifest.json.sig', async (c) => {
    const { bytes } = await readManifest(deps.artifactsDir);
    return answer(c, Buffer.from(await deps.sign(bytes)), 'application/octet-stream');
  });
  app.get('/artifacts/:name', async (c) => {
    // Names come from the manifest only, so no path reaches outside the directory.
    const { artifacts } = await readManifest(deps.artifactsDir);
    const artifact = artifacts.find(({ name }) => name === c.req.param('name'));
    if (!artifact) throw new TerraneError('not_found', `There is no artefact ${c.req.param('name')}.`);
    const etag = `"${artifact.sha256}"`;
    if (c.req.header('if-none-match') === etag) return c.body(null, 304, { etag });
    const path = join(deps.artifactsDir, artifact.name);
    const { size } = await stat(path).catch(notBuilt);
    const headers = { etag, 'content-type': 'application/gzip', 'content-length': String(size) };
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    return c.body(Readable.toWeb(createReadStream(path)) as ReadableStream<Uint8Array>, 200, headers);
  });
  return app;
}

/** The script as this control plane serves it. */
export async function installScript(deps: Omit<InstallDeps, 'sign'>): Promise<string> {
  const { artifactsDir, serverUrl, caPem, publicKeyPem } = deps;
  const [template, manifest] = await Promise.all([
    readFile(join(artifactsDir, 'install.sh'), 'utf8').catch(notBuilt),
    readManifest(artifactsDir),
  ]);
  const values = { version: manifest.version, serverUrl, publicKeyPem, manifestSha256: manifest.sha256 };
  return fillInstallScript(template, caPem ? { ...values, caPem } : values);
}

/** Read anew each time (it is small), so that a build under a running server is served whole. */
async function readManifest(directory: string): Promise<ManifestFile> {
  const bytes = await readFile(join(directory, 'manifest.json')).catch(notBuilt);
  const { version, artifacts } = JSON.parse(bytes.toString('utf8')) as Pick<ManifestFile, 'version' | 'artifacts'>;
  return { bytes, sha256: sha256(bytes), version, artifacts };
}

function answer(c: Context, bytes: Buffer, type: string): Response {
  const etag = `"${sha256(bytes)}"`;
  if (c.req.header('if-none-match') === etag) return c.body(null, 304, { etag });
  return c.body(new Uint8Array(bytes), 200, { etag, 'content-type': type, 'cache-control': 'no-cache' });
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function notBuilt(cause: unknown): never {
  throw new TerraneError('unavailable', 'This control plane has no agent to give out.', {
    fix: 'Its operator makes it with `npm run build`, then this works without a restart.',
    cause,
  });
}
