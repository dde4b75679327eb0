import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from 'node:http';
import { createReadStream } from 'node:fs';
import { type Readable, pipeline } from 'node:stream';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { networkError } from './network-error.ts';
import { serverError } from './server-error.ts';

/** One control plane, and who we are there. */
export interface Endpoint {
  /** http(s)://host[:port], without a slash at the end. */
  readonly server: string;
  /** The server's own certificate authority (PEM), when it is no public one. */
  readonly caPem?: string;
  readonly token?: string;
}

export interface HttpRequest {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON; bytes as they are, and those of a file as they are read. */
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** The answer may take as long as it likes: it waits for others. */
  readonly patient?: boolean;
  readonly signal?: AbortSignal;
}

/** A body that doesn't fit into memory. */
export class FileBody {
  readonly size: number;
  readonly #path: string;

  constructor(path: string, size: number) {
    this.#path = path;
    this.size = size;
  }

  open(): Readable {
    return createReadStream(this.#path);
  }
}

/** How long a server may take to accept a connection and to send its headers, ms. Bodies may stream for as long as they like. */
const HEADERS_TIMEOUT_MS = 60_000;

/**
 * HTTP over node:http(s), because fetch in Node can't be given a certificate authority. Refusals of the server and failures of the
 * network are thrown as CliError, with what to do.
 */
export class HttpClient {
  readonly endpoint: Endpoint;
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest;
  readonly #warned: (text: string) => Promise<void>;

  /** `warned` gets what servers say of what they accept all the same. */
  constructor(endpoint: Endpoint, warned: (text: string) => Promise<void> = async () => {}) {
    this.endpoint = endpoint;
    this.#warned = warned;
    const secure = endpoint.server.startsWith('https:');
    this.#agent = secure ? new HttpsAgent({ keepAlive: true, ca: endpoint.caPem }) : new HttpAgent({ keepAlive: true });
    this.#request = secure ? httpsRequest : httpRequest;
  }

  /** Throws a CliError for every status from 400 on. */
  async send(request: HttpRequest): Promise<IncomingMessage> {
    const response = await this.#sendRaw(request);
    for (const text of warningsOf(response)) await this.#warned(text);
    if ((response.statusCode ?? 0) < 400) return response;
    throw serverError(response.statusCode ?? 0, await text(response), this.endpoint);
  }

  async json<T>(request: HttpRequest): Promise<T> {
    const body = await text(await this.send(request));
    return (body === '' ? undefined : JSON.parse(body)) as T;
  }

  async bytes(request: HttpRequest): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of await this.send(request)) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }

  #sendRaw({
    method = 'GET',
    path,
    query = {},
    body,
    contentType,
    accept,
    headers: more,
    patient = false,
    signal,
  }: HttpRequest): Promise<IncomingMessage> {
    const url = new URL(this.endpoint.server + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const payload = body === undefined || body instanceof Uint8Array || body instanceof FileBody ? body : JSON.stringify(body);
    const headers: Record<string, string> = { accept: accept ?? 'application/json', 'user-agent': 'terrane-cli', ...more };
    if (this.endpoint.token) headers.authorization = `Bearer ${this.endpoint.token}`;
    if (payload !== undefined) {
      headers['content-type'] = contentType ?? (typeof payload === 'string' ? 'application/json' : 'application/octet-stream');
      headers['content-length'] = String(payload instanceof FileBody ? payload.size : Buffer.byteLength(payload));
    }
    return new Promise((resolve, reject) => {
      const call = this.#request(url, { method, headers, agent: this.#agent, ...(signal ? { signal } : {}) }, (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      const giveUp = () => call.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' }));
      const timer = patient ? undefined : setTimeout(giveUp, HEADERS_TIMEOUT_MS);
      call.on('error', (error) => {
        clearTimeout(timer);
        reject(signal?.aborted ? error : networkError(error, this.endpoint.server));
      });
      if (payload instanceof FileBody) pipeline(payload.open(), call, (error) => error && call.destroy(error));
      else call.end(payload);
    });
  }
}

/** The texts of Warning headers: RFC 7234, 5.5. */
function warningsOf({ headersDistinct }: IncomingMessage): string[] {
  return (headersDistinct['warning'] ?? []).flatMap((header) => {
    const [, quoted] = /^\d{3} \S+ "((?:[^"\\]|\\.)*)"/.exec(header) ?? [];
    return quoted === undefined ? [] : [quoted.replaceAll(/\\(.)/g, '$1')];
  });
}

async function text(response: IncomingMessage): Promise<string> {
  let result = '';
  response.setEncoding('utf8');
  for await (const chunk of response) result += chunk as string;
  return result;
}
