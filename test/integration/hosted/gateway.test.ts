import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { silentLogger } from '../../../core/ports/logger.ts';
import { apiGateway } from '../../../functions/push/api-gateway.ts';
import type { ConnectedHost, PushConnections } from '../../../store/connections.ts';

/** API Gateway's management API as far as hints go, slow enough that posts overlap. */
let server: Server;
let endpoint: string;
let posts: { readonly id: string; readonly body: string }[];
let inFlight: number;
let inFlightMax: number;

beforeAll(async () => {
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'us-east-1' });
  server = createServer((request, response) => {
    void (async () => {
      inFlightMax = Math.max(inFlightMax, ++inFlight);
      const id = decodeURIComponent((request.url ?? '').split('/').at(-1) ?? '');
      posts.push({ id, body: await text(request) });
      await delay(5);
      inFlight--;
      const gone = id.startsWith('gone');
      response.writeHead(gone ? 410 : 200, gone ? { 'x-amzn-errortype': 'GoneException' } : {}).end(gone ? '{}' : '');
    })();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}/live`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  posts = [];
  inFlight = inFlightMax = 0;
});

const removed: string[] = [];

function connectionsOf(ids: ReadonlyMap<string, string>): PushConnections {
  return {
    find: async (_tenant: string, _cluster: string, names: readonly string[]) =>
      new Map(names.flatMap((name) => (ids.has(name) ? [[name, ids.get(name)!] as const] : []))),
    remove: async (id: string): Promise<ConnectedHost | undefined> => {
      removed.push(id);
      return { tenant: 't', cluster: 'c', nodeName: id };
    },
  } as Partial<PushConnections> as PushConnections;
}

test('hints go to every connected host, side by side but not all at once, and say nothing but a revision', async () => {
  const names = Array.from({ length: 200 }, (_, i) => `node-${i}`);
  const connections = connectionsOf(new Map(names.slice(0, 150).map((name) => [name, `id-${name}`])));
  await apiGateway({ connections, endpoint, log: silentLogger }).notify('t', 'c', names, 42);
  expect(new Set(posts.map(({ id }) => id)).size).toBe(150);
  expect(new Set(posts.map(({ body }) => body))).toEqual(new Set([JSON.stringify({ type: 'hint', revision: 42 })]));
  expect(inFlightMax).toBeGreaterThan(1);
  expect(inFlightMax).toBeLessThanOrEqual(32);
});

test('a connection that is gone is forgotten, its host is given up as lost, and the others are told all the same', async () => {
  const lost: ConnectedHost[] = [];
  const connections = connectionsOf(
    new Map([
      ['a', 'id-a'],
      ['b', 'gone-b'],
      ['c', 'id-c'],
    ]),
  );
  const gateway = apiGateway({ connections, endpoint, log: silentLogger, onLost: async (host) => void lost.push(host) });
  await gateway.notify('t', 'c', ['a', 'b', 'c'], 7);
  expect(posts.map(({ id }) => id).sort()).toEqual(['gone-b', 'id-a', 'id-c']);
  expect(removed).toEqual(['gone-b']);
  expect(lost).toHaveLength(1);
});
