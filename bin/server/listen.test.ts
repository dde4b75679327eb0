import { afterEach, expect, test } from '@jest/globals';
import { Hono } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Server } from 'node:http';
import { closeServer, type Fetch, listen, portOf } from './listen.ts';

const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => closeServer(server, 0)));
});

async function serving(fetch: Fetch): Promise<string> {
  const server = await listen(fetch, { host: '127.0.0.1', port: 0 });
  servers.push(server);
  return `http://127.0.0.1:${portOf(server)}`;
}

test('an answer that HTTP has no words for costs that request, not the server', async () => {
  const app = new Hono();
  app.get('/strange', (c) => c.json({}, 99_999 as ContentfulStatusCode));
  app.get('/', (c) => c.text('fine'));
  const url = await serving(app.fetch);
  await expect(fetch(`${url}/strange`)).rejects.toThrow();
  expect(await (await fetch(url)).text()).toBe('fine');
});
