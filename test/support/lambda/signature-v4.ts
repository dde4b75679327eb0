import { createHash, createHmac } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** The credentials that function processes have (function-process.ts). */
export const CREDENTIALS = { idPrefix: 'AKIATERRANE', secret: 'test-secret', session: 'test-session' };

/**
 * What is wrong with a request's signature, as AWS checks it
 * (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html); undefined: nothing.
 */
export function signatureProblem(request: IncomingMessage, body: Buffer, service: string): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})$/.exec(
      request.headers.authorization ?? '',
    );
  if (!match) return 'no signature version 4';
  const [, id, date, region, signedService, signedHeaders, signature] = match as unknown as string[];
  if (!id!.startsWith(CREDENTIALS.idPrefix)) return `unknown access key ${id}`;
  if (signedService !== service) return `signed for ${signedService}, not for ${service}`;
  const { 'x-amz-date': time, 'x-amz-security-token': session } = request.headers;
  if (session !== CREDENTIALS.session) return 'no session token';
  const names = signedHeaders!.split(';');
  for (const name of ['host', 'x-amz-date']) if (!names.includes(name)) return `${name} is not signed`;
  const url = new URL(request.url ?? '/', 'http://x');
  // Every service but S3 signs the path encoded once more.
  const path = url.pathname.split('/').map(encodeURIComponent).join('/');
  const canonical = [
    request.method,
    path,
    [...url.searchParams]
      .map(([k, v]) => `${encodeURIComponent(k)}=${encodeURIComponent(v)}`)
      .sort()
      .join('&'),
    ...names.map((name) => `${name}:${String(request.headers[name]).trim()}`),
    '',
    signedHeaders,
    sha256(body),
  ].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const key = [date!, region!, service, 'aws4_request'].reduce(
    (secret: string | Buffer, part) => hmac(secret, part),
    `AWS4${CREDENTIALS.secret}`,
  );
  const expected = hmac(key, ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n')).toString('hex');
  return expected === signature ? undefined : 'the signature does not match';
}

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest();
