import { Agent, type IncomingMessage, request } from 'node:http';
import { DockerError, DockerTimeout, DockerUnavailable } from './errors.ts';

/**
 * HTTP to a Docker engine over its unix socket, and nothing more: the Engine API's calls are in the files beside this one.
 * Connections are kept alive and shared; streams (events, logs, pulls) hold one each.
 */
export interface DockerRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'HEAD';
  /** Path without the API version, e.g. `/containers/json`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON, or as it is when bytes (a tar archive). */
  readonly body?: object | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** No answer within this time is an error, ms. Default 120 s; 0 = wait for ever (stop, wait). */
  readonly timeoutMs?: number;
}

/** The newest Engine API whose answers we know. An older engine is spoken to in its own version. */
const API_VERSION_MAX = '1.47';
const DEFAULT_TIMEOUT_MS = 120_000;
const ERROR_BODY_BYTES_MAX = 64 * 1024;

export class DockerConnection {
  readonly socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxFreeSockets: 4, timeout: 30_000 });
  #version: Promise<string> | undefined;

  constructor(socketPath: string) {
    this.socketPath = socketPath;
  }

  /** The answer's JSON; undefined when it has no body. Throws DockerError or DockerUnavailable. */
  async json<T>(options: DockerRequest): Promise<T> {
    const response = await this.stream(options);
    const text = await readAll(response);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  }

  /** The answer's body as it comes. The caller reads it to its end or destroys it. */
  async stream(options: DockerRequest): Promise<IncomingMessage> {
    const version = await this.#apiVersion();
    return await this.#send(options, `/v${version}`);
  }

  /** Ask the version anew: the engine may have been replaced while it was away. */
  forgetVersion(): void {
    this.#version = undefined;
  }

  close(): void {
    this.#agent.destroy();
  }

  #apiVersion(): Promise<string> {
    this.#version ??= this.#negotiate().catch((error: unknown) => {
      this.#version = undefined;
      throw error;
    });
    return this.#version;
  }

  async #negotiate(): Promise<string> {
    const response = await this.#send({ method: 'GET', path: '/_ping', timeoutMs: 10_000 }, '');
    await readAll(response);
    const offered = String(response.headers['api-version'] ?? API_VERSION_MAX);
    return compareVersions(offered, API_VERSION_MAX) < 0 ? offered : API_VERSION_MAX;
  }

  #send(options: DockerRequest, prefix: string): Promise<IncomingMessage> {
    const { body } = options;
    const payload = body === undefined ? undefined : body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body));
    const headers: Record<string, string | number> = { host: 'docker', ...options.headers };
    if (payload) {
      headers['content-type'] ??= body instanceof Uint8Array ? 'application/x-tar' : 'application/json';
      headers['content-length'] = payload.length;
    } else if (options.method === 'POST') headers['content-length'] = 0;
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          socketPath: this.socketPath,
          agent: this.#agent,
          method: options.method,
          path: prefix + options.path + queryText(options.query),
          headers,
          ...(options.signal ? { signal: options.signal } : {}),
        },
        (response) => {
          clearTimeout(deadline);
          const status = response.statusCode ?? 500;
          if (status < 400) resolve(response);
          else readAll(response, ERROR_BODY_BYTES_MAX).then((text) => reject(new DockerError(status, errorText(text))), reject);
        },
      );
      const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const deadline =
        timeoutMs > 0
          ? setTimeout(
              () =>
                sent.destroy(
                  new DockerTimeout(
                    `the Docker engine did not answer within ${timeoutMs / 1000} s: ${options.method} ${options.path}`,
                  ),
                ),
              timeoutMs,
            )
          : undefined;
      sent.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(deadline);
        if (error instanceof DockerTimeout) reject(error);
        else reject(options.signal?.aborted ? error : new DockerUnavailable(unavailableText(this.socketPath, error)));
      });
      sent.end(payload);
    });
  }
}

/** The whole body as text; what exceeds `bytesMax` is dropped. */
async function readAll(stream: IncomingMessage, bytesMax = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (length < bytesMax) chunks.push(chunk);
      length += chunk.length;
    }
  } catch (error) {
    throw new DockerUnavailable(`the engine broke off its answer: ${error instanceof Error ? error.message : String(error)}`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** JSON filter parameters as the Engine API wants them. */
export function filters(values: Readonly<Record<string, readonly string[]>>): string {
  return JSON.stringify(values);
}

function queryText(query: DockerRequest['query']): string {
  const pairs = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join('&')}`;
}

function errorText(body: string): string {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    if (typeof message === 'string') return message.trim();
  } catch {
    // Not JSON: a proxy, or a very old engine. Its text is the best there is.
  }
  return body.trim() || 'the engine gave no reason';
}

function unavailableText(socketPath: string, error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case 'ENOENT':
      return `no Docker engine: ${socketPath} does not exist. Install Docker (apt install docker.io) or start it, or pass --docker with its socket`;
    case 'ECONNREFUSED':
      return `no Docker engine listens on ${socketPath}: start it (systemctl start docker)`;
    case 'EACCES':
      return `${socketPath} may not be opened by this user: run the agent as root or as a member of the socket's group`;
    default:
      return `the Docker engine on ${socketPath} does not answer: ${error.message}`;
  }
}

function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((text) => text.split('.').map(Number));
  return (left![0] ?? 0) - (right![0] ?? 0) || (left![1] ?? 0) - (right![1] ?? 0);
}
