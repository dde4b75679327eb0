import { connect, type Socket } from 'node:net';

/**
 * POST requests over kept-alive HTTP/1.1 connections (RFC 9112), straight on sockets: to a store on the same machine, Node's own client takes
 * as long as the store itself. Knows what a server of JSON answers with: a length, or chunks; anything else ends the connection.
 */

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface PlainHttpOptions {
  readonly host: string;
  readonly port: number;
  /** Requests beyond so many at once wait for their turn. */
  readonly socketsMax: number;
  /** For an answer, from when the request is sent. */
  readonly timeoutMs: number;
}

const HEAD_BYTES_MAX = 64 * 1024;
const END_OF_HEAD = '\r\n\r\n';

export class PlainHttp {
  readonly #options: PlainHttpOptions;
  readonly #idle: Connection[] = [];
  readonly #waiting: ((connection: Connection) => void)[] = [];
  #open = 0;

  constructor(options: PlainHttpOptions) {
    this.#options = options;
  }

  /** Throws if the connection breaks or the time is over: then the request may or may not have been carried out. */
  async post(headers: Record<string, string>, body: string): Promise<HttpAnswer> {
    const connection = this.#idle.pop() ?? (await this.#another());
    try {
      return await connection.post(headers, body, this.#options.timeoutMs);
    } finally {
      this.#giveBack(connection);
    }
  }

  async #another(): Promise<Connection> {
    if (this.#open < this.#options.socketsMax) return this.#connect();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #connect(): Connection {
    this.#open++;
    const connection = new Connection(this.#options, () => {
      this.#open--;
      const index = this.#idle.indexOf(connection);
      if (index >= 0) this.#idle.splice(index, 1);
      // Whoever waits for a connection gets a new one.
      if (this.#waiting.length > 0) this.#waiting.shift()!(this.#connect());
    });
    return connection;
  }

  #giveBack(connection: Connection): void {
    if (connection.ended) return;
    const next = this.#waiting.shift();
    if (next) next(connection);
    else this.#idle.push(connection);
  }
}

interface Waiting {
  readonly resolve: (answer: HttpAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** One connection, on which there is one request at a time. */
class Connection {
  readonly #socket: Socket;
  readonly #host: string;
  #request: Waiting | undefined;
  #received: Buffer[] = [];
  #bytes = 0;
  /** So many bytes there must be before it makes sense to look again. */
  #needed = 0;
  ended = false;

  constructor({ host, port }: PlainHttpOptions, onEnd: () => void) {
    this.#host = `${host}:${port}`;
    this.#socket = connect(port, host);
    this.#socket.setNoDelay(true);
    // An idle connection doesn't keep the process alive; one that waits for an answer does.
    this.#socket.unref();
    this.#socket.on('data', (chunk) => this.#receive(chunk));
    this.#socket.on('end', () => this.#socket.destroy());
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => {
      this.ended = true;
      this.#fail(new Error('the connection was closed'));
      onEnd();
    });
  }

  post(headers: Record<string, string>, body: string, timeoutMs: number): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#socket.destroy(new Error(`${timeoutMs / 1000} s have passed`)), timeoutMs);
      const settled = () => {
        clearTimeout(timer);
        this.#socket.unref();
      };
      this.#request = {
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      if (this.ended) return this.#fail(new Error('the connection was closed'));
      this.#socket.ref();
      let head = `POST / HTTP/1.1\r\nhost: ${this.#host}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
      for (const [name, value] of Object.entries(headers)) if (name !== 'host') head += `${name}: ${value}\r\n`;
      this.#socket.write(`${head}\r\n${body}`);
    });
  }

  #receive(chunk: Buffer): void {
    if (!this.#request) {
      // An answer that nobody asked for: whatever comes next can't be trusted either.
      this.#socket.destroy();
      return;
    }
    this.#received.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    const received = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    try {
      const answer = parse(received);
      if (typeof answer === 'number') {
        this.#received = [received];
        this.#needed = answer;
        return;
      }
      const request = this.#request;
      this.#request = undefined;
      this.#received = [];
      this.#bytes = this.#needed = 0;
      if (answer.last) {
        this.ended = true;
        this.#socket.destroy();
      }
      request.resolve({ status: answer.status, body: answer.body });
    } catch (error) {
      this.#socket.destroy(error as Error);
    }
  }

  #fail(error: Error): void {
    if (error) this.ended = true;
    const request = this.#request;
    this.#request = undefined;
    request?.reject(error);
  }
}

/** A number: more is to come, so many bytes in all at least. Throws if it is no answer as we know them. */
function parse(bytes: Buffer): (HttpAnswer & { readonly last: boolean }) | number {
  const headEnd = bytes.indexOf(END_OF_HEAD);
  if (headEnd < 0) {
    if (bytes.length > HEAD_BYTES_MAX) throw new Error('the head of the answer is too long');
    return bytes.length + 1;
  }
  const head = bytes.toString('latin1', 0, headEnd);
  const status = /^HTTP\/1\.1 (\d{3})/.exec(head)?.[1];
  if (!status) throw new Error('the answer is not HTTP/1.1');
  const last = /\r\nconnection: *close/i.test(head);
  const from = headEnd + END_OF_HEAD.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length === undefined) {
    if (!/\r\ntransfer-encoding: *chunked/i.test(head)) throw new Error('the answer has no length');
    const body = unchunked(bytes, from);
    return body === undefined ? bytes.length + 1 : { status: Number(status), body, last };
  }
  const end = from + Number(length);
  if (bytes.length < end) return end;
  if (bytes.length > end) throw new Error('the answer is longer than it says');
  return { status: Number(status), body: bytes.toString('utf8', from, end), last };
}

function unchunked(bytes: Buffer, from: number): string | undefined {
  const chunks: Buffer[] = [];
  for (let at = from; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (!(size >= 0)) throw new Error('a chunk of the answer has no size');
    const end = lineEnd + 2 + size;
    if (bytes.length < end + 2) return undefined;
    if (size === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
