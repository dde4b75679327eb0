import { createHash, createHmac } from 'node:crypto';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface SignInput {
  readonly credentials: AwsCredentials;
  readonly region: string;
  readonly service: string;
  readonly host: string;
  readonly target: string;
  readonly body: string;
  /** Now, ms since the epoch. */
  readonly now: number;
}

const ALGORITHM = 'AWS4-HMAC-SHA256';

/** The signing key of a day, which takes four of the six hashes: kept until something of it changes. */
let lastKey: { readonly of: string; readonly key: Buffer } | undefined;

/**
 * Headers that sign a POST to `/` with Signature Version 4 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html).
 * Only what DynamoDB's JSON protocol needs: no query, no path.
 */
export function signedHeaders(input: SignInput): Record<string, string> {
  const { credentials, region, service, host, target, body } = input;
  const time = new Date(input.now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const day = time.slice(0, 8);
  const headers: Record<string, string> = { host, 'x-amz-date': time, 'x-amz-target': target };
  if (credentials.sessionToken) headers['x-amz-security-token'] = credentials.sessionToken;
  const names = Object.keys(headers).sort();
  const canonical = names.map((name) => `${name}:${headers[name]}\n`).join('');
  const request = `POST\n/\n\n${canonical}\n${names.join(';')}\n${sha256(body)}`;
  const scope = `${day}/${region}/${service}/aws4_request`;
  const signature = hmac(signingKey(credentials, day, region, service), `${ALGORITHM}\n${time}\n${scope}\n${sha256(request)}`);
  const authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature.toString('hex')}`;
  return { ...headers, authorization };
}

/** For a store that wants a signature but checks none (dynoxide, on loopback): the form without the work. */
export function unsignedHeaders({
  credentials,
  region,
  service,
  host,
  target,
}: Omit<SignInput, 'body' | 'now'>): Record<string, string> {
  const scope = `20250101/${region}/${service}/aws4_request`;
  const authorization = `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope}, SignedHeaders=host, Signature=${'0'.repeat(64)}`;
  return { host, 'x-amz-date': '20250101T000000Z', 'x-amz-target': target, authorization };
}

/** Of one day; the last one is kept. */
export function signingKey({ secretAccessKey }: AwsCredentials, day: string, region: string, service: string): Buffer {
  const of = `${secretAccessKey}/${day}/${region}/${service}`;
  if (lastKey?.of !== of) {
    const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>(hmac, `AWS4${secretAccessKey}`) as Buffer;
    lastKey = { of, key };
  }
  return lastKey.key;
}

export function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
