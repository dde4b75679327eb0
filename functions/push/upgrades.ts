import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Takes a connection over, or refuses. What it throws ends the connection. */
export type UpgradeHandler = (request: IncomingMessage, socket: Duplex, head: Buffer) => Promise<void>;

/** What a server's connections can be upgraded to, by path. Other paths are answered with 404. */
export function attachUpgrades(server: Server, handlers: Readonly<Record<string, UpgradeHandler>>): void {
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    // Not by `new URL`, which throws on some of what anyone may send here (`//`): nothing would catch that.
    const path = request.url?.split('?', 1)[0] ?? '';
    if (!Object.hasOwn(handlers, path)) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    handlers[path]!(request, socket, head).catch(() => socket.destroy());
  });
}

/** The upgrade request as handlers of requests know them. */
export function requestOf(request: IncomingMessage): Request {
  const headers = new Headers();
  for (let i = 0; i < request.rawHeaders.length; i += 2) headers.append(request.rawHeaders[i]!, request.rawHeaders[i + 1]!);
  const scheme = 'encrypted' in request.socket ? 'https' : 'http';
  return new Request(`${scheme}://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`, {
    method: request.method ?? 'GET',
    headers,
  });
}

/** Sends that answer in place of the 101. */
export async function refuseUpgrade(socket: Duplex, response: Response): Promise<void> {
  const body = await response.text();
  const headers = [...response.headers]
    .filter(([name]) => name !== 'content-length')
    .map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${response.status} ${response.statusText || 'Refused'}\r\n${headers.join('')}content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
