import { type HeaderBlock, headerBlock } from '../http2/hpack/encode.ts';
import type { OnStream, StreamReceiver, TransportStream } from '../http2/transport.ts';
import { Call } from './call.ts';
import { Inbox } from './inbox.ts';
import { isWhole, MessageMemory, MessageReader, PREFIX_BYTES } from './message-reader.ts';
import type { Method, Methods } from './method.ts';
import { GrpcError, percentEncode, STATUS } from './status.ts';
import { parseTimeout } from './timeout.ts';

export interface GrpcOptions {
  readonly methods: Methods;
  /** What a method threw, as gRPC tells it. */
  readonly statusOf: (error: unknown) => { readonly code: number; readonly message: string };
  /** Of one request, without its prefix. */
  readonly messageBytesMax: number;
  /** Of all requests that are being received. */
  readonly memoryBytesMax: number;
}

/** Messages that a method hasn't taken yet; beyond it the client's window isn't opened again. */
const INBOX_MESSAGES = 16;
/** A stream of answers goes on when less than this waits for the client. */
const UNSENT_BYTES = 64 * 1024;
/** Deadlines are met this late at most; so thousands of calls share few timers. */
const DEADLINE_GRAIN = 50;

const RESPONSE = [
  [':status', '200'],
  ['content-type', 'application/grpc'],
] as const;
const HEADERS = headerBlock(RESPONSE);
const OK = headerBlock([['grpc-status', '0']]);
const NOT_GRPC = headerBlock([[':status', '415']]);
const IDENTITY_ONLY = ['grpc-accept-encoding', 'identity'] as const;

/** gRPC over HTTP/2 (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md): calls the method that a stream names. */
export function serveGrpc({ methods, statusOf, messageBytesMax, memoryBytesMax }: GrpcOptions): OnStream {
  const bounds = { bytesMax: messageBytesMax, memory: new MessageMemory(memoryBytesMax) };
  return (stream) => {
    if (stream.method !== 'POST' || !isGrpc(stream.header('content-type'))) return stream.sendTrailers(NOT_GRPC);
    const call = new ServerCall(stream, statusOf);
    try {
      const method = methods.get(stream.path);
      if (!method) throw unknownMethod(stream.path);
      const encoding = stream.header('grpc-encoding') ?? 'identity';
      if (encoding !== 'identity') {
        throw new GrpcError(STATUS.unimplemented, `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`);
      }
      const timeout = stream.header('grpc-timeout');
      if (timeout !== undefined) call.expireAfter(parseTimeout(timeout));
      call.receive(method, bounds);
    } catch (error) {
      call.fail(error);
    }
  };
}

function isGrpc(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/grpc(?:$|[+;])/.test(contentType);
}

function unknownMethod(path: string): GrpcError {
  const [, service, method] = /^\/([^/]+)\/(.*)$/.exec(path) ?? [];
  if (service === undefined) return new GrpcError(STATUS.unimplemented, `malformed method name: "${path}"`);
  return new GrpcError(STATUS.unimplemented, `unknown method ${method} for service ${service}`);
}

type AnyMethod = Method<unknown>;

interface MessageBounds {
  readonly bytesMax: number;
  readonly memory: MessageMemory;
}

class ServerCall implements StreamReceiver {
  readonly #stream: TransportStream;
  readonly #statusOf: GrpcOptions['statusOf'];
  readonly #call: Call;
  /** Only where a message didn't come whole. */
  #reader: MessageReader | undefined;
  #bounds: MessageBounds | undefined;
  #method: AnyMethod | undefined;
  #inbox: Inbox<unknown> | undefined;
  #waiting = 0;
  /** Bytes of the data being read whose messages wait in the inbox. */
  #withheld = 0;
  #request: { readonly message: unknown } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #headersSent = false;
  #over = false;

  constructor(stream: TransportStream, statusOf: GrpcOptions['statusOf']) {
    this.#stream = stream;
    this.#statusOf = statusOf;
    this.#call = new Call(stream);
    stream.receiver = this;
  }

  expireAfter(milliseconds: number | undefined): void {
    if (milliseconds === undefined) return;
    if (milliseconds <= 0) throw new GrpcError(STATUS.deadlineExceeded, 'context deadline exceeded');
    const after = Math.ceil(milliseconds / DEADLINE_GRAIN) * DEADLINE_GRAIN;
    this.#timer = setTimeout(() => this.fail(new GrpcError(STATUS.deadlineExceeded, 'context deadline exceeded')), after);
    this.#timer.unref();
  }

  receive(method: Method, bounds: MessageBounds): void {
    this.#method = method as AnyMethod;
    this.#bounds = bounds;
    if (method.type === 'bidi') {
      this.#inbox = new Inbox((bytes) => {
        this.#waiting--;
        this.#stream.consumed(bytes);
      });
      void this.#run();
    }
  }

  // StreamReceiver

  data(bytes: Buffer): void {
    const { length } = bytes;
    if (this.#over || !this.#bounds) return this.#stream.consumed(length);
    try {
      this.#withheld = 0;
      if (!this.#reader && isWhole(bytes, this.#bounds.bytesMax)) this.#message(bytes.subarray(PREFIX_BYTES));
      else this.#readerOf(this.#bounds).push(bytes);
      this.#stream.consumed(Math.max(0, length - this.#withheld));
    } catch (error) {
      this.#stream.consumed(length);
      this.fail(error);
    }
  }

  end(): void {
    if (this.#over) return;
    if (this.#reader?.within) return this.fail(new GrpcError(STATUS.internal, 'grpc: the message is cut off: unexpected EOF'));
    if (this.#inbox) return this.#inbox.end();
    if (!this.#request) return this.fail(new GrpcError(STATUS.internal, 'grpc: the client sent no request'));
    if (this.#method!.type === 'relay') this.#relay(this.#method!, this.#request.message as Buffer);
    else void this.#run();
  }

  aborted(): void {
    this.#settle();
  }

  #readerOf({ bytesMax, memory }: MessageBounds): MessageReader {
    this.#reader ??= new MessageReader((bytes) => this.#message(bytes), bytesMax, memory);
    return this.#reader;
  }

  // The answer

  fail(error: unknown): void {
    if (this.#over) return;
    const { code, message } = error instanceof GrpcError ? error : this.#statusOf(error);
    this.#settle();
    const status = [
      ['grpc-status', String(code)],
      ['grpc-message', percentEncode(message)],
      ...(code === STATUS.unimplemented ? [IDENTITY_ONLY] : []),
    ] as const;
    this.#stream.sendTrailers(headerBlock(this.#headersSent ? status : [...RESPONSE, ...status]));
  }

  #message(bytes: Buffer): void {
    const method = this.#method!;
    const message = method.type === 'relay' ? Buffer.from(bytes) : method.decode(bytes);
    if (this.#inbox) {
      // Beyond some, messages are accounted for as they are taken.
      const withheld = ++this.#waiting > INBOX_MESSAGES ? bytes.length + PREFIX_BYTES : 0;
      this.#withheld += withheld;
      this.#inbox.push(message, withheld);
    } else if (this.#request) {
      throw new GrpcError(STATUS.internal, 'grpc: the client sent more than one request');
    } else {
      this.#request = { message };
    }
  }

  async #run(): Promise<void> {
    const method = this.#method as Exclude<AnyMethod, { type: 'relay' }>;
    try {
      if (method.type === 'unary') {
        await method.handle(this.#request!.message, this.#call, (answer) => this.#reply(answer));
      } else {
        const send = (message: Uint8Array) => this.#send(message);
        if (method.type === 'bidi') await method.handle(this.#inbox!, this.#call, send);
        else await method.handle(this.#request!.message, this.#call, send);
      }
      this.#succeed();
    } catch (error) {
      this.fail(error);
    }
  }

  #relay(method: Extract<AnyMethod, { type: 'relay' }>, message: Buffer): void {
    try {
      method.relay(message, this.#call, (error, answer) => {
        if (!answer) return this.fail(error);
        this.#reply(answer);
        this.#succeed();
      });
    } catch (error) {
      this.fail(error);
    }
  }

  #succeed(): void {
    if (this.#over) return;
    this.#sendHeaders(HEADERS);
    this.#settle();
    this.#stream.sendTrailers(OK);
  }

  #reply(message: Uint8Array): void {
    if (this.#over) return;
    this.#sendHeaders(HEADERS);
    this.#stream.sendData(message);
  }

  async #send(message: Uint8Array): Promise<void> {
    this.#reply(message);
    if (this.#stream.unsentBytes >= UNSENT_BYTES) await this.#stream.drained(UNSENT_BYTES);
  }

  #sendHeaders(block: HeaderBlock): void {
    if (this.#headersSent) return;
    this.#headersSent = true;
    this.#stream.sendHeaders(block);
  }

  /** Whatever comes now, the call is over. */
  #settle(): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#call.abort();
    this.#reader?.clear();
    void this.#inbox?.return();
  }
}
