import { describe, expect, test } from '@jest/globals';
import { requestOf, resultOf, type UrlEvent } from './function-url.ts';

const event = (given: Partial<UrlEvent> = {}): UrlEvent => ({
  rawPath: '/clusters/c1/api/v1/pods',
  rawQueryString: 'labelSelector=a%3Db&watch=1',
  headers: { host: 'xyz.lambda-url.us-east-1.on.aws', 'content-type': 'application/json' },
  requestContext: { http: { method: 'POST' }, requestId: 'r1' },
  isBase64Encoded: false,
  ...given,
});
const { signal } = new AbortController();

describe('a function URL event', () => {
  test('becomes the request that the client made: its host, its query as it was encoded, its cookies', () => {
    const request = requestOf(event({ cookies: ['a=1', 'b=2'] }), 'terrane.example', signal);
    expect(request.url).toBe('https://terrane.example/clusters/c1/api/v1/pods?labelSelector=a%3Db&watch=1');
    expect(request.headers.get('host')).toBe('terrane.example');
    expect(request.headers.get('cookie')).toBe('a=1; b=2');
  });

  test.each([
    ['text', { body: '{"a":"ü"}' }, Buffer.from('{"a":"ü"}')],
    ['bytes', { body: Buffer.from([0, 255, 107]).toString('base64'), isBase64Encoded: true }, Buffer.from([0, 255, 107])],
  ])('keeps a body of %s byte for byte', async (_, given, bytes) => {
    const request = requestOf(event(given), 'terrane.example', signal);
    expect(Buffer.from(await request.arrayBuffer())).toEqual(bytes);
  });

  test('is answered with cookies apart and the bytes whole', async () => {
    const headers = new Headers([
      ['set-cookie', 'a=1; Path=/'],
      ['set-cookie', 'b=2; Path=/'],
      ['x-other', 'y'],
    ]);
    const result = await resultOf(new Response(new Uint8Array([0, 200, 1]), { status: 201, headers }));
    expect(result).toMatchObject({ statusCode: 201, cookies: ['a=1; Path=/', 'b=2; Path=/'], headers: { 'x-other': 'y' } });
    expect(result.headers).not.toHaveProperty('set-cookie');
    expect(Buffer.from(result.body, 'base64')).toEqual(Buffer.from([0, 200, 1]));
  });
});
