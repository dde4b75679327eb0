import { createHash, type KeyObject } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { publicKeyFromRaw, verifyRequest } from '../../../core/node/http-signature.ts';
import { type Assignment, FIRST_SETTINGS } from '../../../core/node/assignment.ts';
import type { JoinRequest, JoinResponse } from '../../../core/node/join.ts';
import { type LogsRequest, type PushMessage, STREAM_STATUS_HEADER } from '../../../core/node/push.ts';
import type { PodReport, Report } from '../../../core/node/report.ts';
import type { ConfigMap } from '../../../core/resources/schema/config-map.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import type { Secret } from '../../../core/resources/schema/secret.ts';

/** The host's side of the control plane, small: what agents are told and what they tell, over the real wire. */
export interface FakeControlPlane {
  readonly url: string;
  readonly token: string;
  /** What the host is to run. Each change is a new revision, and connected hosts get a hint. */
  assign(change: Partial<Pick<Assignment, 'pods' | 'configMaps' | 'secrets' | 'settings'>>): void;
  readonly assigned: Assignment;
  /** All reports, oldest first. */
  readonly reports: readonly Report[];
  /** The last report of a pod, by name. */
  pod(name: string): PodReport | undefined;
  /** Resolves with what `look` finds, once it does, after any request. Rejects with what was last seen. */
  until<T>(what: string, look: () => T | undefined | false, timeoutMs?: number): Promise<T>;
  logs(request: Omit<LogsRequest, 'kind'>): Promise<{ status: number; body: string }>;
  /** Like `logs`, but handed over as it comes. */
  follow(request: Omit<LogsRequest, 'kind'>, onText: (text: string) => void): { cancel(): void; done: Promise<number> };
  readonly joins: readonly JoinRequest[];
  readonly connected: number;
  /** Answers everything with this until it is unset. */
  refuse: { status: number; code: string; message?: string } | undefined;
  /** Added to this machine's time. */
  skewMs: number;
  /** Closes the port; `start` opens it again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const HOST: JoinResponse = { hostId: 'host-1', nodeName: 'node-1', tenant: 'tenant-1', cluster: 'cluster-1', serverTime: 0 };
const WAIT_MS = 60_000;

export async function fakeControlPlane(): Promise<FakeControlPlane> {
  const token = 'trn_join_test';
  const reports: Report[] = [];
  const joins: JoinRequest[] = [];
  const sockets = new Set<WebSocket>();
  const waiters = new Set<() => void>();
  const streams = new Map<string, (request: IncomingMessage) => void>();
  let server: Server | undefined;
  let port = 0;
  let key: KeyObject | undefined;
  let assigned: Assignment = {
    cluster: HOST.cluster,
    node: {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: HOST.nodeName, uid: 'n', resourceVersion: '1', creationTimestamp: '' },
    },
    revision: 1,
    pods: [],
    configMaps: [],
    secrets: [],
    settings: { ...FIRST_SETTINGS, reportSeconds: 5, renewSeconds: 5, pollSeconds: 60 },
  };
  const webSockets = new WebSocketServer({ noServer: true });
  const changed = () => {
    for (const waiter of waiters) waiter();
  };

  const plane: FakeControlPlane = {
    get url() {
      return `http://127.0.0.1:${port}`;
    },
    token,
    assign(change) {
      assigned = { ...assigned, ...change, revision: assigned.revision + 1 };
      push({ type: 'hint', revision: assigned.revision });
    },
    get assigned() {
      return assigned;
    },
    reports,
    pod: (name) => reports.at(-1)?.pods.find((pod) => pod.name === name),
    until(what, look, timeoutMs = WAIT_MS) {
      return new Promise((resolve, reject) => {
        const attempt = () => {
          const found = look();
          if (found === undefined || found === false) return;
          end();
          resolve(found);
        };
        const timer = setTimeout(() => {
          end();
          reject(
            new Error(`not within ${timeoutMs / 1000} s: ${what}. Last report: ${JSON.stringify(reports.at(-1)?.pods, null, 1)}`),
          );
        }, timeoutMs);
        const end = () => {
          clearTimeout(timer);
          waiters.delete(attempt);
        };
        waiters.add(attempt);
        attempt();
      });
    },
    async logs(request) {
      let body = '';
      const status = await plane.follow(request, (text) => {
        body += text;
      }).done;
      return { status, body };
    },
    follow(request, onText) {
      const id = createHash('sha1').update(String(performance.now())).digest('hex');
      const done = new Promise<number>((resolve) => {
        streams.set(id, (incoming) => {
          incoming.setEncoding('utf8');
          incoming.on('data', onText);
          const status = Number(incoming.headers[STREAM_STATUS_HEADER] ?? 200);
          incoming.on('close', () => resolve(status));
        });
      });
      push({ type: 'stream', id, request: { kind: 'logs', ...request } });
      return { cancel: () => push({ type: 'cancel', id }), done };
    },
    joins,
    get connected() {
      return sockets.size;
    },
    refuse: undefined,
    skewMs: 0,
    async stop() {
      for (const socket of sockets) socket.terminate();
      const closing = server;
      server = undefined;
      closing?.closeAllConnections();
      await new Promise<void>((resolve) => (closing ? closing.close(() => resolve()) : resolve()));
    },
    async start() {
      server = createServer((request, response) => {
        handle(request, response).catch((error: Error) => fail(response, 500, 'internal', error.message));
      });
      server.on('upgrade', (request, socket, head) => {
        if (!verified(request, '')) return void socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n');
        webSockets.handleUpgrade(request, socket, head, (webSocket) => {
          sockets.add(webSocket);
          webSocket.on('close', () => sockets.delete(webSocket));
          changed();
        });
      });
      await new Promise<void>((resolve) => server!.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
  };

  function push(message: PushMessage): void {
    for (const socket of sockets) socket.send(JSON.stringify(message));
  }

  function now(): number {
    return Date.now() + plane.skewMs;
  }

  function verified(request: IncomingMessage, body: string | undefined, publicKey = key): boolean {
    if (!publicKey) return false;
    const url = `http://${request.headers.host}${request.url}`;
    const headers = new Headers(request.headers as Record<string, string>);
    const streamed = body === undefined;
    return verifyRequest(
      { method: request.method ?? '', url, headers, ...(streamed ? {} : { body }) },
      { publicKey, now: now(), streamedBody: streamed },
    ).ok;
  }

  function fail(response: ServerResponse, status: number, code: string, message = code): void {
    response.writeHead(status, { 'terrane-server-time': String(now()), 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { code, message, fix: '' } }));
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (plane.refuse) return fail(response, plane.refuse.status, plane.refuse.code, plane.refuse.message);
    const stream = /^\/node\/v1\/streams\/(\w+)$/.exec(request.url ?? '')?.[1];
    if (stream) {
      if (!verified(request, undefined)) return fail(response, 401, 'signature_invalid');
      streams.get(stream)?.(request);
      request.on('end', () => response.writeHead(204).end());
      return;
    }
    let body = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    if (request.url === '/node/v1/join') {
      const join = JSON.parse(body) as JoinRequest;
      const claimed = publicKeyFromRaw(join.publicKey);
      if (!claimed || !verified(request, body, claimed)) return fail(response, 401, 'clock_skew');
      joins.push(join);
      if (join.token !== token) return fail(response, 401, 'token_unknown', 'The token is not known here.');
      key = claimed;
      json(response, { ...HOST, serverTime: now() });
    } else if (!verified(request, body)) fail(response, 401, 'clock_skew');
    else if (request.url === '/node/v1/assignment') {
      const { revision: _, ...content } = assigned;
      const etag = `"${createHash('sha256').update(JSON.stringify(content)).digest('hex')}"`;
      if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end();
      else json(response, assigned, { etag });
    } else if (request.url === '/node/v1/report') {
      reports.push(JSON.parse(body) as Report);
      json(response, { revision: assigned.revision });
    } else fail(response, 404, 'not_found');
    changed();
  }

  function json(response: ServerResponse, content: unknown, headers: Record<string, string> = {}): void {
    response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(content));
  }

  await plane.start();
  return plane;
}

let uids = 0;

/** A pod as the control plane assigns it. */
export function podOf(name: string, spec: Pod['spec'], metadata: Partial<Pod['metadata']> = {}): Pod {
  const uid = `00000000-0000-4000-8000-${String(process.pid).padStart(6, '0')}${String(++uids).padStart(6, '0')}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid, resourceVersion: '', creationTimestamp: new Date().toISOString(), ...metadata },
    spec: { restartPolicy: 'Always', terminationGracePeriodSeconds: 2, ...spec },
  };
}

export function configMapOf(name: string, data: Record<string, string>, resourceVersion = '1'): ConfigMap {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: metadataOf(name, resourceVersion), data };
}

export function secretOf(name: string, data: Record<string, string>, resourceVersion = '1'): Secret {
  const encoded = Object.fromEntries(Object.entries(data).map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
  return { apiVersion: 'v1', kind: 'Secret', type: 'Opaque', metadata: metadataOf(name, resourceVersion), data: encoded };
}

function metadataOf(name: string, resourceVersion: string): Pod['metadata'] {
  return { name, namespace: 'default', uid: `uid-${name}`, resourceVersion, creationTimestamp: '2026-01-01T00:00:00Z' };
}

/** The pod as it is when somebody has deleted it. */
export function deleted(pod: Pod, graceSeconds = pod.spec.terminationGracePeriodSeconds ?? 30): Pod {
  const metadata = { ...pod.metadata, deletionTimestamp: new Date().toISOString(), deletionGracePeriodSeconds: graceSeconds };
  return { ...pod, metadata };
}
