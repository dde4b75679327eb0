import { describe, expect, test } from '@jest/globals';
import { Hono } from 'hono';
import { eventually } from '../../test/support/eventually.ts';
import { silentLogger } from '../../core/ports/logger.ts';
import { onError } from '../../functions/on-error.ts';
import { admission } from './admission.ts';

/** Requests are answered when the test says so. */
function served(waitMs: number) {
  const begun: string[] = [];
  const finish = new Map<string, () => void>();
  const app = new Hono();
  app.onError(onError({ log: silentLogger }));
  app.use(admission({ atOnce: 2, waitMs, exempt: (path) => path.startsWith('/stream') }));
  app.get('/*', async (c) => {
    begun.push(c.req.path);
    await new Promise<void>((resolve) => finish.set(c.req.path, resolve));
    return c.text('ok');
  });
  const ask = async (path: string) => (await app.request(path)).status;
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  return { begun, finish, ask, settle };
}

describe('admission', () => {
  test('lets a few in, and the others in their order as those leave; what lasts waits for nobody', async () => {
    const { begun, finish, ask } = served(60_000);
    const answers = ['/a', '/b', '/c', '/d', '/stream'].map(ask);
    const begins = (...paths: string[]) =>
      eventually('they begin', () => expect(begun.filter((path) => path !== '/stream')).toEqual(paths), { everyMs: 1 });
    await begins('/a', '/b');
    expect(begun).toContain('/stream');
    finish.get('/b')!();
    await begins('/a', '/b', '/c');
    for (const path of ['/a', '/c', '/stream']) finish.get(path)!();
    await begins('/a', '/b', '/c', '/d');
    finish.get('/d')!();
    expect(await Promise.all(answers)).toEqual([200, 200, 200, 200, 200]);
  });

  test('sends away who waited too long, with when to come back', async () => {
    const { finish, ask, settle } = served(1);
    const first = [ask('/a'), ask('/b')];
    await settle();
    expect(await ask('/c')).toBe(503);
    for (const path of ['/a', '/b']) finish.get(path)!();
    expect(await Promise.all(first)).toEqual([200, 200]);
  });
});
