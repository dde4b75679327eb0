import { createSocket } from 'node:dgram';
import { randomInt } from 'node:crypto';
import { encode } from 'dns-packet';

/** IPv4's and UDP's headers, and what of a query is not padding. */
const HEADERS = 28;

export interface Asking {
  readonly server: string;
  readonly port?: number;
  /** Address to ask from. */
  readonly from?: string;
  readonly name: string;
  readonly type: 'TXT' | 'NS';
  /** The whole packet shall have so many bytes; it is never cut into pieces. */
  readonly packetBytes?: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Whether a name server answers. */
export function asks({ server, port = 53, from, name, type, packetBytes, timeoutMs, signal }: Asking): Promise<boolean> {
  const id = randomInt(0x10000);
  const message = queryOf(id, name, type, packetBytes);
  return new Promise((resolve) => {
    const socket = createSocket('udp4');
    const end = (answered: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      try {
        socket.close();
      } catch {
        // It was closed by its own error.
      }
      resolve(answered);
    };
    const onAbort = () => end(false);
    const timer = setTimeout(() => end(false), timeoutMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', () => end(false));
    socket.on('message', (reply) => {
      if (reply.length >= 12 && reply.readUInt16BE(0) === id && (reply.readUInt16BE(2) & 0x8000) !== 0) end(true);
    });
    const send = () =>
      socket.connect(port, server, (error?: Error) => {
        if (error) end(false);
        else socket.send(message, (failure) => failure && end(false));
      });
    if (from === undefined) send();
    else socket.bind(0, from, send);
  });
}

/** Padded (RFC 7830) to the size that is wanted. Linux sends datagrams with "don't fragment" as long as they fit the device. */
function queryOf(id: number, name: string, type: 'TXT' | 'NS', packetBytes: number | undefined): Buffer {
  const query = (padding: number) =>
    encode({
      type: 'query',
      id,
      flags: 0x0100,
      questions: [{ type, name }],
      additionals: [
        {
          type: 'OPT',
          name: '.',
          udpPayloadSize: 1232,
          extendedRcode: 0,
          ednsVersion: 0,
          flags: 0,
          flag_do: false,
          options: padding > 0 ? [{ code: 12, type: 'PADDING', length: padding }] : [],
        },
      ],
    });
  if (packetBytes === undefined) return query(0);
  const room = packetBytes - HEADERS - query(1).length + 1;
  return query(Math.max(1, room));
}
