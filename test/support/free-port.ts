import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A TCP port that nobody had on loopback just now, for programs that can't say which one they took. */
export function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
