import { join } from 'node:path';
import { Hono } from 'hono';
import { requestId } from 'hono/request-id';
import type { ServerInfo } from '../../core/accounts/api.ts';
import { ssmManifestKey } from '../../store/ssm-manifest-key.ts';
import type { ManifestKey } from '../../store/manifest-key.ts';
import { required } from '../hosted/environment.ts';
import { type InvocationContext, resultOf, type UrlEvent, type UrlResult } from '../hosted/function-url.ts';
import { lambdaLogger } from '../hosted/logger.ts';
import { publicUrl } from '../hosted/public-url.ts';
import { serve } from '../hosted/serve.ts';
import { createInstall, keyFingerprint } from '../node/install.ts';
import { onError } from '../on-error.ts';

/**
 * Lambda of what everyone may see: the install script, the signed manifest, and what the installation is. The only one that can
 * read the signing key. The archives themselves are in S3.
 */

const log = lambdaLogger();
/** Beside the bundle: lib/ puts install.sh and manifest.json there. */
const artifactsDir = join(import.meta.dirname, 'agent');

let key: Promise<ManifestKey> | undefined;

async function manifestKey(): Promise<ManifestKey> {
  key ??= ssmManifestKey(required('manifestKeyParameter'));
  try {
    return await key;
  } catch (error) {
    key = undefined;
    throw error;
  }
}

const app = new Hono();
app.onError(onError({ log }));
app.use(requestId());
app.get('/v1/info', async (c) => {
  const { publicKeyPem } = await manifestKey();
  const version = process.env['TERRANE_VERSION'] ?? 'dev';
  const info: ServerInfo = { version, url: publicUrl(), manifestKey: keyFingerprint(publicKeyPem) };
  return c.json(info);
});
app.all('*', async (c) => {
  const signer = await manifestKey();
  const { publicKeyPem } = signer;
  const install = createInstall({ artifactsDir, serverUrl: publicUrl(), publicKeyPem, sign: (bytes) => signer.sign(bytes) });
  install.onError(onError({ log }));
  return install.fetch(c.req.raw, c.env);
});

export async function handler(event: UrlEvent, context: InvocationContext): Promise<UrlResult> {
  return resultOf(await serve(app, event, context));
}
