import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/**
 * A way between a client and a server that can be broken: `open`; `closed`, connections are refused; `silent`, nothing comes through
 * and nothing ends; `unanswered`, requests arrive and their answers get lost, with the connection.
 */
export type NetworkState = 'open' | 'closed' | 'silent' | 'unanswered';

export interface Network {
  readonly port: number;
  state: NetworkState;
  /** Bytes that went to the server. */
  readonly sent: number;
  /** Connections that were made to the server. */
  readonly connections: number;
  stop(): Promise<void>;
}

/** A network to `port` on loopback, at a port of its own. */
export async function network(port: () => number): Promise<Network> {
  let state: NetworkState = 'open';
  let sent = 0;
  let connections = 0;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server: Server = createServer((client) => {
    keep(client);
    if (state === 'closed') return void client.destroy();
    const upstream = createConnection({ port: port(), host: '127.0.0.1' });
    keep(upstream);
    connections++;
    client.on('data', (bytes) => {
      if (state === 'silent') return;
      sent += bytes.length;
      upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (state === 'silent') return;
      if (state === 'unanswered') {
        client.destroy();
        upstream.destroy();
      } else client.write(bytes);
    });
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get state() {
      return state;
    },
    set state(next) {
      state = next;
      if (next === 'closed') for (const socket of sockets) socket.destroy();
    },
    get sent() {
      return sent;
    },
    get connections() {
      return connections;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
