import { createServer, type Server } from 'node:http';
import type { Logger } from '../../../core/ports/logger.ts';
import { messageOf } from '../../docker/errors.ts';
import type { BytesClient } from '../../uplink/signed-client.ts';

/** update_engine's questions on this host, passed on with the host's signature: no token need lie on the disk. */
export interface OmahaRelay {
  /** Throws while it doesn't listen, as when another program has its port. */
  readonly url: () => string;
  close(): void;
}

export const OMAHA_RELAY_PORT = 7484;
const RETRY_MS = 30_000;
const BODY_BYTES_MAX = 64 * 1024;

/** On loopback. Whoever is on this host may ask: all that there is to learn is which update it is to have. */
export function startOmahaRelay(client: BytesClient, log: Logger, port = OMAHA_RELAY_PORT): OmahaRelay {
  const server: Server = createServer((request, response) => {
    const answer = (status: number, body: string | Buffer, type = 'text/plain') =>
      void response.writeHead(status, { 'content-type': type }).end(body);
    // A page in a browser on this host may not ask.
    const foreign = request.headers.origin !== undefined || !/^(127\.0\.0\.1|localhost)(:\d+)?$/.test(request.headers.host ?? '');
    if (foreign) return answer(403, 'this is for update_engine on this host\n');
    if (request.method !== 'POST' || request.url !== '/v1/update/') return answer(404, 'POST /v1/update/\n');
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= BODY_BYTES_MAX) chunks.push(chunk);
    });
    request.on('end', () => {
      if (length > BODY_BYTES_MAX) return answer(413, 'the request is too large\n');
      client.sendBytes({ method: 'POST', path: '/node/v1/updates/omaha', body: Buffer.concat(chunks) }).then(
        ({ status, headers, body }) => answer(status, body, headers['content-type']),
        // update_engine tries again later, as with any server that is away.
        (error: unknown) => answer(503, `the control plane can't be reached: ${messageOf(error)}\n`),
      );
    });
  });
  let problem = 'it does not listen yet';
  const listen = () => server.listen(port, '127.0.0.1');
  server.on('error', (error) => {
    if (error.message !== problem) log.error('update_engine can not be served', { reason: error.message });
    problem = error.message;
    retry = setTimeout(listen, RETRY_MS);
  });
  let retry: ReturnType<typeof setTimeout> | undefined;
  listen();
  return {
    url() {
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error(`the relay for update_engine: ${problem}`);
      return `http://127.0.0.1:${address.port}/v1/update/`;
    },
    close() {
      clearTimeout(retry);
      server.close();
      server.closeAllConnections();
    },
  };
}
