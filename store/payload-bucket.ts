import type { Clock } from '../core/ports/clock.ts';
import type { Payload, Payloads } from '../core/ports/payloads.ts';
import { presignedUrl, type PresignInput } from './s3-presign.ts';
import type { AwsCredentials } from './sigv4.ts';

export interface PayloadBucketOptions {
  readonly bucket: string;
  readonly region: string;
  readonly credentials: () => Promise<AwsCredentials>;
  readonly clock: Clock;
  readonly fetch?: typeof fetch;
}

/** Long enough for the slowest upload or the start of a download. Credentials of Lambda are good for longer. */
const UPLOAD_SECONDS = 6 * 3600;
const DOWNLOAD_SECONDS = 3600;
const OWN_SECONDS = 60;

/**
 * Payloads in an S3 bucket, below `<tenant>/<cluster>/<sha256>`. They pass through no function: people put them there and hosts fetch them by URLs that are
 * good for one object. S3 itself refuses bytes of another sum or length, since both are signed.
 */
export function payloadBucket({ bucket, region, credentials, clock, fetch: send = fetch }: PayloadBucketOptions): Payloads {
  const host = `${bucket}.s3.${region}.amazonaws.com`;
  const presigned = async (request: Pick<PresignInput, 'method' | 'path' | 'query' | 'headers' | 'expiresSeconds'>) =>
    presignedUrl({ ...request, host, region, credentials: await credentials(), now: clock.now() });
  const own = async (method: PresignInput['method'], path: string, query?: Readonly<Record<string, string>>) =>
    send(await presigned({ method, path, expiresSeconds: OWN_SECONDS, ...(query && { query }) }), { method });
  const pathOf = ({ tenant, cluster, sha256 }: Omit<Payload, 'size'>) => `/${tenant}/${cluster}/${sha256}`;
  const has = async (payload: Payload) => {
    const { status, headers } = await own('HEAD', pathOf(payload));
    // Without ListBucket of everything S3 answers 403 for what isn't there.
    if (status === 404 || status === 403) return false;
    if (status !== 200) throw new Error(`S3 answers ${status} to HEAD of a payload`);
    return Number(headers.get('content-length')) === payload.size;
  };
  return {
    has,
    async uploadTo(payload) {
      const headers = {
        'content-length': String(payload.size),
        'x-amz-checksum-sha256': Buffer.from(payload.sha256, 'hex').toString('base64'),
      };
      const url = await presigned({ method: 'PUT', path: pathOf(payload), headers, expiresSeconds: UPLOAD_SECONDS });
      return { url, headers };
    },
    put: () => Promise.reject(new Error('payloads are put into the bucket by their own URL')),
    async open(payload) {
      if (!(await has(payload))) return undefined;
      return {
        type: 'redirect',
        url: await presigned({ method: 'GET', path: pathOf(payload), expiresSeconds: DOWNLOAD_SECONDS }),
      };
    },
    async keepOnly(tenant, cluster, sha256s) {
      const prefix = `${tenant}/${cluster}/`;
      for (const key of await keys(prefix)) if (!sha256s.has(key.slice(prefix.length))) await own('DELETE', `/${key}`);
    },
  };

  async function keys(prefix: string): Promise<string[]> {
    const found: string[] = [];
    for (let token: string | undefined; ; ) {
      const query = { 'list-type': '2', prefix, ...(token !== undefined && { 'continuation-token': token }) };
      const response = await own('GET', '/', query);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`S3 answers ${response.status} to a list of payloads`);
      // Keys are ours: hexadecimal and slashes, nothing that XML would escape.
      for (const [, key] of text.matchAll(/<Key>([0-9a-zA-Z/]+)<\/Key>/g)) found.push(key!);
      token = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(text)?.[1];
      if (token === undefined) return found;
    }
  }
}
