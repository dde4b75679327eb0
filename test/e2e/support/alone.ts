import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

/**
 * A program in a network of its own that has nothing but these ports of this machine's loopback. Chromium drops its connections
 * whenever an interface comes or goes (ERR_NETWORK_CHANGED), as they do wherever containers start; and what it can't reach, a page
 * can't load in secret. Needs root.
 */
export interface Alone {
  /** Runs the program with the arguments given to it. */
  readonly wrapper: string;
  /** Resolves when the ports answer inside; the program must be running. */
  readonly ready: Promise<unknown>;
  close(): void;
}

export async function alone(program: string, ports: readonly number[]): Promise<Alone> {
  const directory = mkdtempSync('/tmp/trn-alone-');
  const sockets = new Set<Socket>();
  const servers: Server[] = [];
  const track = (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    return socket;
  };
  const serve = async (name: string, taken: (socket: Socket) => void) => {
    const server = createServer((socket) => taken(track(socket)));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(join(directory, name), resolve));
  };
  for (const port of ports) {
    await serve(`${port}.sock`, (inside) => {
      const outside = track(connect(port, '127.0.0.1'));
      inside.on('close', () => outside.destroy()).pipe(outside);
      outside.on('close', () => inside.destroy()).pipe(inside);
    });
  }
  const ready = new Promise<void>((resolve) => void serve('control.sock', () => resolve()));
  const relay = join(import.meta.dirname, 'relay-inside.mjs');
  const wrapper = join(directory, 'run');
  writeFileSync(
    wrapper,
    `#!/bin/sh\nexec unshare --net sh -c 'ip link set lo up; ${process.execPath} ${relay} ${directory} ${ports.join(' ')} </dev/null >/dev/null 2>&1 3>&- 4>&- & exec ${program} "$@"' sh "$@"\n`,
  );
  chmodSync(wrapper, 0o700);
  return {
    wrapper,
    ready,
    close() {
      for (const server of servers) server.close();
      for (const socket of sockets) socket.destroy();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
