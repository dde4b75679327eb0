import { createSocket } from 'node:dgram';
import { createServer, type Socket } from 'node:net';
import { framedMessage, type Transport } from './exchange.ts';
import { LengthFramed } from './length-framed.ts';

export interface DnsServerOptions {
  readonly address: string;
  /** 53; 0 in tests: a free one, the same for both. */
  readonly port: number;
  /** Whether whoever sends from there is answered. */
  readonly allowed: (source: string) => boolean;
  /** Undefined: no answer. */
  readonly answer: (message: Buffer, transport: Transport) => Promise<Buffer | undefined>;
  readonly onProblem: (error: unknown) => void;
}

export interface DnsServer {
  readonly address: string;
  readonly port: number;
  close(): Promise<void>;
}

/** What comes while that many are being answered is dropped: clients ask again. */
const UNDER_WAY_MAX = 2_000;
const UNDER_WAY_PER_SOURCE = 200;
const CONNECTIONS_MAX = 256;
const CONNECTIONS_PER_SOURCE = 32;
/** Questions of one connection that are being answered at once. */
const PIPELINED_MAX = 32;
const IDLE_MS = 10_000;

/** Listens at one address, by UDP and TCP (RFC 7766). Rejects when it can't be had. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const tcp = tcpServer(options);
  await tcp.listen();
  try {
    const udp = await udpServer({ ...options, port: tcp.port() });
    return {
      address: options.address,
      port: tcp.port(),
      async close() {
        await Promise.all([udp.close(), tcp.close()]);
      },
    };
  } catch (error) {
    await tcp.close();
    throw error;
  }
}

async function udpServer({ address, port, allowed, answer, onProblem }: DnsServerOptions): Promise<{ close(): Promise<void> }> {
  const socket = createSocket({ type: 'udp4' });
  let underWay = 0;
  const bySource = new Map<string, number>();
  const count = (source: string, change: 1 | -1) => {
    const now = (bySource.get(source) ?? 0) + change;
    if (now === 0) bySource.delete(source);
    else bySource.set(source, now);
    underWay += change;
  };
  socket.on('message', (message, { address: source, port: to }) => {
    // Nothing sends from port 0; whoever claims to can't be answered.
    if (to === 0 || !allowed(source)) return;
    if (underWay >= UNDER_WAY_MAX || (bySource.get(source) ?? 0) >= UNDER_WAY_PER_SOURCE) return;
    count(source, 1);
    answer(message, 'udp')
      .then((reply) => reply && socket.send(reply, to, source, () => undefined))
      .catch(onProblem)
      .finally(() => count(source, -1));
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
  socket.on('error', onProblem);
  return { close: () => new Promise((resolve) => socket.close(resolve)) };
}

function tcpServer({ address, port, allowed, answer, onProblem }: DnsServerOptions) {
  const sockets = new Map<Socket, string>();
  const server = createServer({ noDelay: true }, (socket) => {
    const source = socket.remoteAddress ?? '';
    const ofSource = [...sockets.values()].filter((other) => other === source).length;
    if (!allowed(source) || sockets.size >= CONNECTIONS_MAX || ofSource >= CONNECTIONS_PER_SOURCE) return void socket.destroy();
    sockets.set(socket, source);
    serve(socket);
  });

  function serve(socket: Socket): void {
    const framed = new LengthFramed();
    let underWay = 0;
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (bytes) => {
      for (const message of framed.push(bytes)) {
        if (++underWay > PIPELINED_MAX) return void socket.destroy();
        answer(message, 'tcp')
          .then((reply) => {
            if (!reply) socket.destroy();
            // A client that asks and doesn't read has had enough.
            else if (!socket.destroyed && !socket.write(framedMessage(reply)) && socket.writableLength > WRITABLE_MAX)
              socket.destroy();
          })
          .catch((error: unknown) => {
            onProblem(error);
            socket.destroy();
          })
          .finally(() => underWay--);
      }
    });
  }

  return {
    listen: () =>
      new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host: address, port }, () => {
          server.off('error', reject);
          server.on('error', onProblem);
          resolve();
        });
      }),
    port() {
      const bound = server.address();
      return typeof bound === 'object' && bound ? bound.port : port;
    },
    close() {
      for (const socket of sockets.keys()) socket.destroy();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

const WRITABLE_MAX = 1_000_000;
