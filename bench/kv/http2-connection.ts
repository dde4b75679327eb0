import { connect, type Socket } from 'node:net';

/**
 * The client's half of one HTTP/2 connection (RFC 9113), as little of it as a benchmark of gRPC needs, so that the client isn't what is
 * measured: frames straight on a socket, header blocks made once, and everything of one turn of the event loop in one write.
 */

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8, continuation: 9 } as const;
const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const;
const SETTING = { headerTableSize: 1, initialWindowSize: 4 } as const;
const HEAD_BYTES = 9;
/** What we take without being asked again. */
const WINDOW = 2 ** 30;
const DEFAULT_WINDOW = 65_535;

/** Of one call. Messages come without their gRPC prefix. */
export interface StreamEvents {
  onMessage(message: Buffer): void;
  /** `failed`: it was reset, or the connection is gone. */
  onEnd(failed: string | undefined): void;
}

export interface Stream {
  /** A gRPC message; `last`: no more will follow. */
  send(message: Buffer, last: boolean): void;
}

interface Open {
  readonly events: StreamEvents;
  /** The beginning of a message whose rest hasn't come. */
  rest: Buffer | undefined;
}

export class Http2Connection {
  readonly #socket: Socket;
  readonly #authority: string;
  readonly #open = new Map<number, Open>();
  readonly #headers = new Map<string, Buffer>();
  readonly #outgoing: Buffer[] = [];
  #flushing = false;
  #nextStream = 1;
  #partial: Buffer | undefined;
  #received = 0;
  #window = DEFAULT_WINDOW;
  readonly #waiting: { readonly bytes: number; readonly frame: Buffer }[] = [];

  private constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#authority = authority;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => this.#receive(chunk));
    socket.on('close', () => this.#fail('the connection was closed'));
    socket.on('error', (error) => this.#fail(error.message));
    const settings = Buffer.alloc(12);
    // Without a table the server's header blocks need no decoder that remembers.
    settings.writeUInt16BE(SETTING.headerTableSize, 0);
    settings.writeUInt16BE(SETTING.initialWindowSize, 6);
    settings.writeUInt32BE(WINDOW, 8);
    this.#write(Buffer.from(PREFACE));
    this.#write(frame(FRAME.settings, 0, 0, settings));
    this.#write(windowUpdate(0, WINDOW - DEFAULT_WINDOW));
  }

  static async open(host: string, port: number): Promise<Http2Connection> {
    const socket = connect(port, host);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new Http2Connection(socket, `${host}:${port}`);
  }

  /** Begins a gRPC call, for example of `/etcdserverpb.KV/Range`. */
  begin(path: string, events: StreamEvents): Stream {
    const id = this.#nextStream;
    this.#nextStream += 2;
    this.#open.set(id, { events, rest: undefined });
    let block = this.#headers.get(path);
    if (!block) this.#headers.set(path, (block = headerBlock(path, this.#authority)));
    this.#write(frame(FRAME.headers, FLAG.endHeaders, id, block));
    return {
      send: (message, last) => {
        const body = Buffer.allocUnsafe(HEAD_BYTES + 5 + message.length);
        writeHead(body, 5 + message.length, FRAME.data, last ? FLAG.endStream : 0, id);
        body[HEAD_BYTES] = 0;
        body.writeUInt32BE(message.length, HEAD_BYTES + 1);
        message.copy(body, HEAD_BYTES + 5);
        this.#sendData(body, 5 + message.length);
      },
    };
  }

  /** One request, one answer. */
  call(path: string, message: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer | undefined;
      const stream = this.begin(path, {
        onMessage: (received) => {
          answer = received;
        },
        onEnd: (failed) => {
          // A refusal comes without a message.
          if (answer) resolve(answer);
          else reject(new Error(failed ?? `${path} was refused`));
        },
      });
      stream.send(message, true);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  /** Within what the server has room for, in order. */
  #sendData(data: Buffer, bytes: number): void {
    if (this.#waiting.length > 0 || bytes > this.#window) {
      this.#waiting.push({ bytes, frame: data });
      return;
    }
    this.#window -= bytes;
    this.#write(data);
  }

  #write(bytes: Buffer): void {
    this.#outgoing.push(bytes);
    if (this.#flushing) return;
    this.#flushing = true;
    queueMicrotask(() => {
      this.#flushing = false;
      this.#socket.write(this.#outgoing.length === 1 ? this.#outgoing[0]! : Buffer.concat(this.#outgoing));
      this.#outgoing.length = 0;
    });
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#partial ? Buffer.concat([this.#partial, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= HEAD_BYTES) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      const id = bytes.readUInt32BE(at + 5) & 0x7fff_ffff;
      this.#frame(bytes[at + 3]!, bytes[at + 4]!, id, bytes.subarray(at + HEAD_BYTES, end));
      at = end;
    }
    this.#partial = at < bytes.length ? bytes.subarray(at) : undefined;
  }

  #frame(type: number, flags: number, id: number, payload: Buffer): void {
    switch (type) {
      case FRAME.data:
        this.#data(id, flags & FLAG.padded ? payload.subarray(1, payload.length - payload[0]!) : payload, payload.length);
        if (flags & FLAG.endStream) this.#end(id, undefined);
        break;
      case FRAME.headers:
        if (flags & FLAG.endStream) this.#end(id, undefined);
        break;
      case FRAME.reset:
        this.#end(id, `the stream was reset (${payload.readUInt32BE(0)})`);
        break;
      case FRAME.settings:
        if (!(flags & FLAG.ack)) this.#write(frame(FRAME.settings, FLAG.ack, 0, Buffer.alloc(0)));
        break;
      case FRAME.ping:
        if (!(flags & FLAG.ack)) this.#write(frame(FRAME.ping, FLAG.ack, 0, payload));
        break;
      case FRAME.goAway:
        this.#fail(`the server says goodbye (${payload.readUInt32BE(4)}: ${payload.subarray(8).toString()})`);
        break;
      case FRAME.windowUpdate:
        if (id === 0) this.#granted(payload.readUInt32BE(0));
    }
  }

  #granted(bytes: number): void {
    this.#window += bytes;
    while (this.#waiting.length > 0 && this.#waiting[0]!.bytes <= this.#window) {
      const { bytes: length, frame: data } = this.#waiting.shift()!;
      this.#window -= length;
      this.#write(data);
    }
  }

  #data(id: number, payload: Buffer, length: number): void {
    this.#received += length;
    if (this.#received > WINDOW / 2) {
      this.#write(windowUpdate(0, this.#received));
      this.#received = 0;
    }
    const stream = this.#open.get(id);
    if (!stream) return;
    let bytes = stream.rest ? Buffer.concat([stream.rest, payload]) : payload;
    while (bytes.length >= 5) {
      const end = 5 + bytes.readUInt32BE(1);
      if (bytes.length < end) break;
      stream.events.onMessage(bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
    stream.rest = bytes.length > 0 ? bytes : undefined;
  }

  #end(id: number, failed: string | undefined): void {
    const stream = this.#open.get(id);
    if (!stream) return;
    this.#open.delete(id);
    stream.events.onEnd(failed);
  }

  #fail(why: string): void {
    for (const id of this.#open.keys()) this.#end(id, why);
  }
}

function writeHead(into: Buffer, length: number, type: number, flags: number, id: number): void {
  into.writeUIntBE(length, 0, 3);
  into[3] = type;
  into[4] = flags;
  into.writeUInt32BE(id, 5);
}

function frame(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  writeHead(bytes, payload.length, type, flags, id);
  payload.copy(bytes, HEAD_BYTES);
  return bytes;
}

function windowUpdate(id: number, bytes: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(bytes);
  return frame(FRAME.windowUpdate, 0, id, payload);
}

/** Of RFC 7541: fields that are in its static table by their index, others as they are. */
function headerBlock(path: string, authority: string): Buffer {
  const [POST, HTTP] = [0x83, 0x86];
  const [AUTHORITY, PATH, CONTENT_TYPE] = [1, 4, 31];
  const text = (value: string) => [value.length, ...Buffer.from(value)];
  /** A literal without indexing whose name is indexed: the index has 4 bits, and more in a second byte. */
  const named = (index: number, value: string) => [...(index < 15 ? [index] : [15, index - 15]), ...text(value)];
  return Buffer.from([
    POST,
    HTTP,
    ...named(PATH, path),
    ...named(AUTHORITY, authority),
    ...named(CONTENT_TYPE, 'application/grpc'),
    0,
    ...text('te'),
    ...text('trailers'),
  ]);
}
