import { createServer } from 'node:net';

/** An abstract unix socket: one holder in each network namespace, and the kernel gives it back when the holder ends. */
const NAME = '\0terrane-pod-network';

/**
 * The right to program this machine's network. Two agents on one machine (two clusters, a test) would undo each other's work without
 * end. undefined if another holds it.
 */
export function overlayLock(): Promise<{ release(): void } | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(NAME, () => {
      server.unref();
      resolve({ release: () => void server.close() });
    });
  });
}
