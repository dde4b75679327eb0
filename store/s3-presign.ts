import { createHash } from 'node:crypto';
import { type AwsCredentials, hmac, signingKey } from './sigv4.ts';

export interface PresignInput {
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly method: 'GET' | 'PUT' | 'HEAD' | 'DELETE';
  /** Of the bucket. */
  readonly host: string;
  /** Plain: letters, digits, / . - _ ~ need no escape. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Headers that the caller has to send so. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly expiresSeconds: number;
  /** Now, ms since the epoch. */
  readonly now: number;
}

/**
 * A URL that lets whoever has it do one thing with an object, for a while: Signature Version 4 in the query
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html).
 */
export function presignedUrl(input: PresignInput): string {
  const { credentials, region, method, host, path, expiresSeconds } = input;
  const time = new Date(input.now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/${region}/s3/aws4_request`;
  const headers: Record<string, string> = { ...input.headers, host };
  const names = Object.keys(headers).sort();
  const query: Record<string, string> = {
    ...input.query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${credentials.accessKeyId}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(expiresSeconds),
    'X-Amz-SignedHeaders': names.join(';'),
    ...(credentials.sessionToken !== undefined && { 'X-Amz-Security-Token': credentials.sessionToken }),
  };
  const canonicalQuery = Object.keys(query)
    .sort()
    .map((name) => `${escape(name)}=${escape(query[name]!)}`)
    .join('&');
  const canonicalHeaders = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const request = [method, path, canonicalQuery, canonicalHeaders, names.join(';'), 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(request).digest('hex');
  const key = signingKey(credentials, time.slice(0, 8), region, 's3');
  const signature = hmac(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${digest}`).toString('hex');
  return `https://${host}${path}?${canonicalQuery}&X-Amz-Signature=${signature}`;
}

/** RFC 3986's unreserved characters stay. */
function escape(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}
