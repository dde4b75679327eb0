import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, test } from '@jest/globals';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import { Connections } from './connections.ts';
import { pushUpgrade } from './upgrade.ts';

const servers: { readonly server: Server; readonly push: ReturnType<typeof pushUpgrade> }[] = [];

async function listening(host?: HostPrincipal): Promise<number> {
  const server = createServer();
  const push = pushUpgrade({
    path: '/node/v1/push',
    connections: new Connections(),
    authenticate: async () => host ?? new Response('who are you?', { status: 401 }),
    closeGraceMs: 0,
  });
  push.attach(server);
  servers.push({ server, push });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The status line of the answer to an upgrade request for `target`. */
async function upgrade(port: number, target: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(5_000, () => socket.destroy(new Error('no answer')));
  socket.end(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket.setEncoding('utf8')) answer += chunk as string;
  return answer.split('\r\n', 1)[0]!;
}

afterEach(async () => {
  for (const { server, push } of servers.splice(0)) {
    push.close();
    server.close();
    await once(server, 'close');
  }
});

describe('the push endpoint, asked by anyone', () => {
  test.each(['//', '///', 'http://', 'http://[', '*', '/other'])(
    'answers 404 to an upgrade of %s, and lives on',
    async (target) => {
      const port = await listening();
      expect(await upgrade(port, target)).toBe('HTTP/1.1 404 Not Found');
      expect(await upgrade(port, '/node/v1/push')).toMatch(/^HTTP\/1.1 401/);
    },
  );

  test('takes no notice of the query', async () => {
    expect(await upgrade(await listening(), '/node/v1/push?x=%')).toMatch(/^HTTP\/1.1 401/);
  });
});

test('a host that is gone without a word does not hold up the stop', async () => {
  const port = await listening({ kind: 'host', tenant: 't', cluster: 'c', hostId: 'h', nodeName: 'n' });
  const { server, push } = servers.pop()!;
  const socket = connect(port, '127.0.0.1');
  const key = 'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==';
  socket.write(`GET /node/v1/push HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1.1 101/);
  // From here on it neither answers nor closes.
  socket.on('error', () => {});
  push.close();
  await new Promise((resolve) => server.close(resolve));
  socket.destroy();
}, 10_000);
