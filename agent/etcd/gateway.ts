import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { once } from 'node:events';
import { EtcdError } from '../../core/etcd/errors.ts';
import type { Identity } from '../../core/etcd/identity.ts';
import { BODY_BYTES_MAX, GATEWAY_PATHS, type GatewayAnswer, gatewayAnswer, refusal } from '../../core/etcd/json/gateway.ts';
import { ETCD_VERSION } from '../../core/etcd/methods/maintenance.ts';
import type { EtcdService } from '../../core/etcd/service.ts';
import { isFromWebPage } from './web-page.ts';

export interface GatewayOptions {
  readonly service: EtcdService;
  readonly identity: Identity;
  readonly onError: (error: unknown) => void;
  /** Takes the paths that aren't the gateway's. */
  readonly next?: RequestListener | undefined;
}

const PATHS = new Set(GATEWAY_PATHS);

/** etcd's HTTP/1 face on the host: the JSON gateway, /version and /health. */
export function gatewayListener(options: GatewayOptions): RequestListener {
  return (request, response) => {
    void handle(options, request, response).catch((error: unknown) => {
      options.onError(error);
      response.destroy();
    });
  };
}

async function handle(options: GatewayOptions, request: IncomingMessage, response: ServerResponse): Promise<void> {
  // What etcd called it before 3.4 is what older clients ask for, Debian's python3-etcd3gw among them.
  const path = (request.url ?? '/').split('?', 1)[0]!.replace(/^\/v3(?:alpha|beta)\//, '/v3/');
  if (PATHS.has(path)) {
    if (isFromWebPage(request.headers)) return end(response, 403, 'requests from web pages are refused\n', 'text/plain');
    if (request.method === 'POST') return answerTo(options, path, request, response);
    return end(response, 405, 'Method Not Allowed\n', 'text/plain', { allow: 'POST' });
  }
  if (path === '/version') return end(response, 200, JSON.stringify({ etcdserver: ETCD_VERSION, etcdcluster: '3.4.0' }));
  if (path === '/health') return end(response, 200, JSON.stringify({ health: 'true' }));
  if (path === '/metrics') return end(response, 200, metrics(), 'text/plain; version=0.0.4');
  if (options.next) return options.next(request, response);
  end(response, 404, '404 page not found\n', 'text/plain');
}

/** What `etcdctl check datascale` asks for; the agent's own metrics are at its health port. */
function metrics(): string {
  const name = 'process_resident_memory_bytes';
  return `# HELP ${name} Resident memory size in bytes.\n# TYPE ${name} gauge\n${name} ${process.memoryUsage.rss()}\n`;
}

async function answerTo(
  { service, identity, onError }: GatewayOptions,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const body = await bodyOf(request);
  if (!body) return send(response, refusal(EtcdError.of('requestTooLarge'), { onError }));
  const token = request.headers['grpc-metadata-token'] ?? request.headers.authorization;
  const caller = { token: Array.isArray(token) ? token[0] : token, signal: gone.signal };
  await send(response, await gatewayAnswer({ service, identity, path, body, caller, onError }));
}

/** Undefined: it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Uint8Array | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function send(response: ServerResponse, answer: GatewayAnswer): Promise<void> {
  if (answer.type === 'message') return end(response, answer.status, JSON.stringify(answer.body));
  response.writeHead(200, { 'content-type': 'application/json' });
  for await (const line of answer.lines) {
    if (response.destroyed) break;
    if (!response.write(line)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
  }
  response.end();
}

function end(response: ServerResponse, status: number, body: string, type = 'application/json', headers = {}): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
}
