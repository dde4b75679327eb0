import { randomUUID } from 'node:crypto';

export interface UrlRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** The event of a Lambda function URL (https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads). */
export function urlEvent({ method, path, headers, body }: UrlRequest): object {
  const [rawPath, rawQueryString = ''] = path.split(/\?(.*)/s) as [string, string?];
  const { cookie, ...others } = headers;
  const text = /^(text\/|application\/(json|xml|javascript))|\+(json|xml)/.test(headers['content-type'] ?? '');
  const domainName = 'abcdefgh.lambda-url.us-east-1.on.aws';
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split('; ') }),
    headers: { ...others, host: domainName, 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' },
    requestContext: {
      accountId: 'anonymous',
      apiId: 'abcdefgh',
      domainName,
      domainPrefix: 'abcdefgh',
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '130.176.0.1', userAgent: 'Amazon CloudFront' },
      requestId: randomUUID(),
      routeKey: '$default',
      stage: '$default',
      time: '23/Nov/2026:15:00:00 +0000',
      timeEpoch: 1_795_446_000_000,
    },
    ...(body?.length ? { body: Buffer.from(body).toString(text ? 'utf8' : 'base64') } : {}),
    isBase64Encoded: Boolean(body?.length && !text),
  };
}
