import { type Context, Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Keyspaces } from '../../../core/ports/keyspaces.ts';
import { type Payload, PayloadRefusedError, type Payloads } from '../../../core/ports/payloads.ts';
import type { UpdatePackage } from '../../../core/resources/schema/update-package.ts';
import { getResource, listResources } from '../../../core/resources/write.ts';
import type { PayloadUpload } from '../../../core/updates/api.ts';
import { hostedFiles } from '../../../core/updates/codebase.ts';
import type { ApiEnv } from '../../context.ts';
import { pathParam } from '../accounts/path-param.ts';

/** What all hosted packages of a cluster may have together. */
const CLUSTER_BYTES_MAX = 50_000_000_000;

/** Uploads of the files of packages that lie with us. The package comes first: it says which bytes are expected. */
export function payloadRoutes({ keyspaces, payloads }: { keyspaces: Keyspaces; payloads: Payloads }): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.post('/packages/:package/uploads', async (c) => {
    const { tenant, id: cluster } = c.var.cluster;
    const { found, all } = await read(c);
    const files = new Map(hostedFiles(all).map((file) => [file.sha256, file]));
    const bytes = [...files.values()].reduce((sum, { size }) => sum + size, 0);
    if (bytes > CLUSTER_BYTES_MAX)
      throw new TerraneError(
        'body_too_large',
        `The packages of this cluster have ${bytes} bytes; ${CLUSTER_BYTES_MAX} may lie here.`,
      );
    // Those of packages that were deleted make room.
    await payloads.keepOnly(tenant, cluster, new Set(files.keys()));
    const uploads: PayloadUpload[] = [];
    for (const { name, size, sha256 } of found.spec.files) {
      const payload = { tenant, cluster, sha256, size };
      if (await payloads.has(payload)) continue;
      const elsewhere = await payloads.uploadTo(payload);
      const path = new URL(`${c.req.path.replace(/\/uploads$/, '')}/files/${encodeURIComponent(name)}`, c.req.url).pathname;
      uploads.push({ file: name, ...(elsewhere ?? { url: path, headers: {} }) });
    }
    return c.json({ uploads });
  });

  app.put('/packages/:package/files/:file', async (c) => {
    const { tenant, id: cluster } = c.var.cluster;
    const { found } = await read(c);
    const file = found.spec.files.find(({ name }) => name === pathParam(c, 'file'));
    if (!file) throw new TerraneError('not_found', `The package ${found.metadata.name} has no file ${pathParam(c, 'file')}.`);
    const payload: Payload = { tenant, cluster, sha256: file.sha256, size: file.size };
    const elsewhere = await payloads.uploadTo(payload);
    const { body } = c.req.raw;
    if (elsewhere || !body)
      throw new TerraneError('invalid_request', 'The file is to be sent to the URL that …/uploads names.', {
        fix: 'terrane update package upload does so.',
      });
    try {
      await payloads.put(payload, body);
    } catch (error) {
      if (error instanceof PayloadRefusedError) throw new TerraneError('invalid_request', `${error.message}.`);
      throw error;
    }
    return c.body(null, 204);
  });

  async function read(c: Context<ApiEnv>): Promise<{ found: UpdatePackage; all: readonly UpdatePackage[] }> {
    const name = pathParam(c, 'package');
    const view = await (await keyspaces.open(c.var.cluster.tenant, c.var.cluster.id, 'registry')).sync();
    const found = getResource(view, 'UpdatePackage', '', name);
    if (!found) throw new TerraneError('not_found', `There is no UpdatePackage ${name}.`);
    if (found.spec.url !== undefined)
      throw new TerraneError('invalid_request', `The files of ${name} lie at ${found.spec.url}, not here.`, {
        fix: 'Make a package without spec.url.',
      });
    return { found, all: listResources(view, 'UpdatePackage') };
  }

  return app;
}
