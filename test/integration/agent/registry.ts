import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tar, type TarEntry } from '../../../agent/docker/tar.ts';

/** A registry with one image of one layer, small, on loopback: engines take it without TLS there. */
export interface TestRegistry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  readonly image: string;
  /** How often the image was asked for with the right credentials. */
  readonly pulls: number;
  stop(): Promise<void>;
}

const MANIFEST = 'application/vnd.docker.distribution.manifest.v2+json';

export async function startRegistry(
  files: readonly TarEntry[],
  credentials: { user: string; password: string },
): Promise<TestRegistry> {
  const layer = tar(files);
  const digest = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  const config = Buffer.from(
    JSON.stringify({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Env: ['PATH=/bin'] },
      rootfs: { type: 'layers', diff_ids: [digest(layer)] },
    }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: 'application/vnd.docker.container.image.v1+json', size: config.length, digest: digest(config) },
      layers: [{ mediaType: 'application/vnd.docker.image.rootfs.diff.tar', size: layer.length, digest: digest(layer) }],
    }),
  );
  const blobs = new Map([config, layer].map((bytes) => [digest(bytes), bytes]));
  const wanted = `Basic ${Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64')}`;
  let pulls = 0;
  const server = createServer((request, response) => {
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"', 'docker-distribution-api-version': 'registry/2.0' });
      response.end(JSON.stringify({ errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] }));
      return;
    }
    const blob = blobs.get(/\/blobs\/(.*)$/.exec(request.url ?? '')?.[1] ?? '');
    if (/\/manifests\//.test(request.url ?? '')) {
      // Each pull begins with this question; what it needs then depends on what the engine has.
      if (request.method === 'HEAD') pulls++;
      response.writeHead(200, {
        'content-type': MANIFEST,
        'docker-content-digest': digest(manifest),
        'content-length': manifest.length,
      });
      response.end(request.method === 'HEAD' ? undefined : manifest);
    } else if (blob) response.writeHead(200, { 'content-length': blob.length }).end(blob);
    else response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    image: `${host}/team/app:1`,
    get pulls() {
      return pulls;
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
