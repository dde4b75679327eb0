import { connect, type Socket } from 'node:net';
import { HpackDecoder } from '../../../agent/http2/hpack/decoder.ts';
import { type Header, headerBlock } from '../../../agent/http2/hpack/encode.ts';
import { FLAG, FRAME, PREFACE } from '../../../agent/http2/protocol.ts';

export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}

const DEADLINE_MS = 20_000;

/** HTTP/2 by hand: sends whatever it is told to, right or wrong, and shows what comes back. */
export class RawClient {
  readonly frames: RawFrame[] = [];
  closed = false;
  readonly #socket: Socket;
  readonly #hpack = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 65536 });
  #rest = Buffer.alloc(0);
  #wake = () => {};
  #seen = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.closed = true;
      this.#wake();
    });
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return client;
  }

  /** Preface and settings sent, the server's settings acknowledged. */
  static async ready(port: number, settings: readonly (readonly [number, number])[] = []): Promise<RawClient> {
    const client = await RawClient.open(port);
    client.write(PREFACE);
    client.settings(settings);
    await client.next((frame) => frame.type === FRAME.settings && frame.flags === FLAG.ack);
    client.frame(FRAME.settings, FLAG.ack, 0);
    return client;
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  frame(type: number, flags: number, id: number, payload: Uint8Array = Buffer.alloc(0), length = payload.length): void {
    this.write(rawFrame(type, flags, id, payload, length));
  }

  settings(settings: readonly (readonly [number, number])[]): void {
    const payload = Buffer.alloc(settings.length * 6);
    settings.forEach(([setting, value], n) => {
      payload.writeUInt16BE(setting, n * 6);
      payload.writeUInt32BE(value, n * 6 + 2);
    });
    this.frame(FRAME.settings, 0, 0, payload);
  }

  headers(id: number, headers: readonly Header[] = REQUEST, flags: number = FLAG.endHeaders | FLAG.endStream): void {
    this.frame(FRAME.headers, flags, id, headerBlock(headers).bytes);
  }

  data(id: number, bytes: Uint8Array, flags: number = FLAG.endStream): void {
    this.frame(FRAME.data, flags, id, bytes);
  }

  /** The next frame of that kind that wasn't given before. Throws if the connection ends or time runs out first. */
  async next(wanted: (frame: RawFrame) => boolean): Promise<RawFrame> {
    const deadline = Date.now() + DEADLINE_MS;
    for (;;) {
      while (this.#seen < this.frames.length) {
        const frame = this.frames[this.#seen++]!;
        if (wanted(frame)) return frame;
      }
      if (this.closed) throw new Error('the connection was closed');
      await this.#something(deadline);
    }
  }

  /** The fields of the answer's first headers. */
  async response(id: number): Promise<Record<string, string>> {
    const frame = await this.next((frame) => frame.type === FRAME.headers && frame.id === id);
    return Object.fromEntries(this.#hpack.decode(frame.payload).fields.map(({ name, value }) => [name, value]));
  }

  /** The code of RST_STREAM. */
  async resetCode(id: number): Promise<number> {
    return (await this.next((frame) => frame.type === FRAME.rstStream && frame.id === id)).payload.readUInt32BE(0);
  }

  /** The code of GOAWAY, once the server has closed the connection, too. */
  async goawayCode(): Promise<number> {
    const { payload } = await this.next((frame) => frame.type === FRAME.goaway);
    await this.untilClosed();
    return payload.readUInt32BE(4);
  }

  async untilClosed(): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!this.closed) await this.#something(deadline);
  }

  /** Whether the connection still answers. */
  async alive(): Promise<boolean> {
    this.frame(FRAME.ping, 0, 0, Buffer.from('12345678'));
    await this.next((frame) => frame.type === FRAME.ping && frame.flags === FLAG.ack);
    return true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  close(): void {
    this.#socket.destroy();
  }

  #something(deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('nothing came in time')), Math.max(0, deadline - Date.now()));
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #receive(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 9) {
      const length = this.#rest.readUIntBE(0, 3);
      if (this.#rest.length < 9 + length) break;
      this.frames.push({
        type: this.#rest[3]!,
        flags: this.#rest[4]!,
        id: this.#rest.readUInt32BE(5),
        payload: Buffer.from(this.#rest.subarray(9, 9 + length)),
      });
      this.#rest = this.#rest.subarray(9 + length);
    }
    this.#wake();
  }
}

export function rawFrame(type: number, flags: number, id: number, payload: Uint8Array, length = payload.length): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
}

export const REQUEST: readonly Header[] = [
  [':method', 'POST'],
  [':scheme', 'http'],
  [':path', '/echo'],
  [':authority', '127.0.0.1'],
];

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
