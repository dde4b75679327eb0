import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { decode, encode, type Answer, type DecodedPacket } from 'dns-packet';

/** A name server of the outside on loopback, that says what a test has it say, and keeps what it was asked. */
export interface FakeUpstream {
  readonly address: string;
  readonly port: number;
  /** `udp A www.example.com`, in order. */
  readonly asked: string[];
  /** Undefined: it doesn't answer. */
  reply: (query: DecodedPacket, transport: 'udp' | 'tcp') => Partial<DecodedPacket> | undefined;
  close(): Promise<void>;
}

export const addressOf = (name: string, address: string, ttl = 60): Answer => ({ type: 'A', name, ttl, data: address });

/** `port` 0: a free one. */
export async function fakeUpstream(address: string, port = 0): Promise<FakeUpstream> {
  const asked: string[] = [];
  const answer = (message: Buffer, transport: 'udp' | 'tcp'): Buffer | undefined => {
    const query = decode(message);
    const [question] = query.questions ?? [];
    asked.push(`${transport} ${question?.type} ${question?.name.toLowerCase()}`);
    const reply = upstream.reply(query, transport);
    if (!reply) return undefined;
    return encode({ type: 'response', id: query.id!, flags: 0x0180, questions: query.questions!, ...reply });
  };
  const tcp = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      const reply = answer(bytes.subarray(2), 'tcp');
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply?.length ?? 0);
      if (reply) socket.end(Buffer.concat([length, reply]));
    });
  });
  await new Promise<void>((resolve) => tcp.listen({ host: address, port }, resolve));
  const bound = (tcp.address() as { port: number }).port;
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => {
    const reply = answer(message, 'udp');
    if (reply) udp.send(reply, from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(bound, address, resolve));
  const upstream: FakeUpstream = {
    address,
    port: bound,
    asked,
    reply: () => ({ flags: 0x0183 }),
    async close() {
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise((resolve) => tcp.close(resolve)),
      ]);
    },
  };
  return upstream;
}
