import { createSocket } from 'node:dgram';
import { createConnection, isIPv6 } from 'node:net';
import { LengthFramed } from './length-framed.ts';

export type Transport = 'udp' | 'tcp';

export interface ExchangeOptions {
  readonly server: string;
  readonly port: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/**
 * Sends a query by UDP, from a port of its own, and resolves with the first message that `accept` makes something of. Rejects when the
 * server can't be reached or doesn't answer in time.
 */
export function exchangeUdp<T>(message: Buffer, accept: (reply: Buffer) => T | undefined, options: ExchangeOptions): Promise<T> {
  const { server, port, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
    const end = (error?: Error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      try {
        socket.close();
      } catch {
        // It was closed by its own error.
      }
      if (error) reject(error);
    };
    const timer = setTimeout(() => end(new Error(`${server} did not answer within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = () => end(new Error('ended'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', end);
    socket.on('message', (reply) => {
      const result = accept(reply);
      if (result === undefined) return;
      end();
      resolve(result);
    });
    // Connected: the kernel takes answers of that server only, and tells when nobody listens there.
    socket.connect(port, server, (error?: Error) => {
      if (error) end(error);
      else socket.send(message, (failure) => failure && end(failure));
    });
  });
}

/** The same by TCP (RFC 7766), a connection for each query. */
export function exchangeTcp<T>(message: Buffer, accept: (reply: Buffer) => T | undefined, options: ExchangeOptions): Promise<T> {
  const { server, port, timeoutMs, signal } = options;
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: server, port });
    const framed = new LengthFramed();
    const end = (error?: Error) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      if (error) reject(error);
    };
    const timer = setTimeout(() => end(new Error(`${server} did not answer within ${timeoutMs} ms`)), timeoutMs);
    const onAbort = () => end(new Error('ended'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', end);
    socket.on('close', () => end(new Error(`${server} closed the connection`)));
    socket.on('connect', () => socket.write(framedMessage(message)));
    socket.on('data', (bytes) => {
      for (const reply of framed.push(bytes)) {
        const result = accept(reply);
        if (result === undefined) return end(new Error(`${server} answered something else`));
        resolve(result);
        return end();
      }
    });
  });
}

export function framedMessage(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length, 0);
  return Buffer.concat([length, message]);
}
