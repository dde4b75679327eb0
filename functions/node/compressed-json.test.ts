import { gunzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import { Hono } from 'hono';
import { compressedJson } from './compressed-json.ts';

const LARGE = { services: Array.from({ length: 500 }, (_, index) => ({ name: `service-${index}` })) };
const app = new Hono().get('/large', (c) => compressedJson(c, LARGE)).get('/small', (c) => compressedJson(c, { a: 1 }));
const get = async (path: string, accepted?: string) =>
  app.request(path, accepted === undefined ? {} : { headers: { 'accept-encoding': accepted } });

test.each(['gzip', 'br, gzip', 'gzip;q=0.5', 'GZIP'])('a large answer is compressed for who takes %j', async (accepted) => {
  const answer = await get('/large', accepted);
  expect(answer.headers.get('content-encoding')).toBe('gzip');
  expect(answer.headers.get('content-type')).toBe('application/json');
  const bytes = Buffer.from(await answer.arrayBuffer());
  expect(JSON.parse(gunzipSync(bytes).toString())).toEqual(LARGE);
  expect(bytes.length * 4).toBeLessThan(JSON.stringify(LARGE).length);
});

test.each([undefined, '', 'br', 'gzip;q=0', 'identity'])('and not for who takes %j', async (accepted) => {
  const answer = await get('/large', accepted);
  expect(answer.headers.get('content-encoding')).toBeNull();
  expect(await answer.json()).toEqual(LARGE);
});

test('a small one is left as it is', async () => {
  const answer = await get('/small', 'gzip');
  expect(answer.headers.get('content-encoding')).toBeNull();
  expect(await answer.json()).toEqual({ a: 1 });
});
