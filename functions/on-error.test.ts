import { describe, expect, test } from '@jest/globals';
import { Hono } from 'hono';
import { TerraneError } from '../core/errors/terrane-error.ts';
import { statusOf } from './api/kube/errors.ts';
import { onError } from './on-error.ts';

const refused = () => Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:8000'), { code: 'ECONNREFUSED' });
const TROUBLE: [string, () => Error][] = [
  ['refuses connections', refused],
  ['refuses them, says a caller', () => new Error('the keyspace could not be opened', { cause: refused() })],
  ['is too slow', () => Object.assign(new Error('no answer within 10 s'), { name: 'TimeoutError' })],
  ['throttles', () => Object.assign(new Error('slow down'), { name: 'ThrottlingException' })],
];

async function answer(error: Error, path: string) {
  const logged: string[] = [];
  const log = { info: () => {}, warn: () => {}, error: (message: string) => void logged.push(message) };
  const app = new Hono();
  app.onError(onError({ log }));
  app.get('*', () => {
    throw error;
  });
  return { response: await app.request(path), logged };
}

describe.each(TROUBLE)('a store that %s', (_, makeError) => {
  test('is a 503 that says to try again, and is in the log', async () => {
    const { response, logged } = await answer(makeError(), '/v1/me');
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ error: { code: 'unavailable' } });
    expect(logged).toHaveLength(1);
  });

  test('is a Status that Kubernetes clients wait for', () => {
    expect(statusOf(makeError())).toMatchObject({ code: 503, reason: 'ServiceUnavailable', details: { retryAfterSeconds: 1 } });
  });
});

test('a mistake of ours stays a 500', async () => {
  const { response } = await answer(new TypeError('x is not a function'), '/v1/me');
  expect(response.status).toBe(500);
  expect(statusOf(new TypeError('x is not a function')).code).toBe(500);
});

test('the update token in a path is not in the log', async () => {
  const logged: unknown[] = [];
  const log = { info: () => {}, warn: () => {}, error: (_: string, fields = {}) => void logged.push(fields) };
  const app = new Hono();
  app.onError(onError({ log }));
  app.all('*', () => {
    throw refused();
  });
  await app.request('/updates/trn_secret/v1/update/', { method: 'POST' });
  expect(logged).toMatchObject([{ path: '/updates/…/v1/update/' }]);
  expect(JSON.stringify(logged)).not.toContain('trn_secret');
});

test.each(['key_service_unavailable', 'image_registry_unavailable'] as const)(
  '%s is told the caller without its cause, which is in the log',
  async (code) => {
    const cause = new Error('AccessDenied: role/terrane-prod-api may not');
    const logged: Record<string, unknown>[] = [];
    const log = { info: () => {}, warn: () => {}, error: (_: string, fields = {}) => void logged.push(fields) };
    const app = new Hono();
    app.onError(onError({ log }));
    app.get('*', () => {
      throw new TerraneError(code, undefined, { cause });
    });
    const response = await app.request('/v1/me');
    expect(response.status).toBe(503);
    expect(await response.text()).not.toContain('AccessDenied');
    expect(logged).toMatchObject([{ error: expect.stringContaining('caused by: Error: AccessDenied') }]);
  },
);
