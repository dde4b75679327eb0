import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { posix } from 'node:path';
import { EtcdError } from '../../core/etcd/errors.ts';
import type { Identity } from '../../core/etcd/identity.ts';
import { RAFT_TERM } from '../../core/etcd/json/answers.ts';
import type { EtcdCaller, EtcdService } from '../../core/etcd/service.ts';
import { V2Error } from '../../core/etcd/v2/errors.ts';
import { readForm } from '../../core/etcd/v2/form.ts';
import { goJson, type V2Event } from '../../core/etcd/v2/json.ts';
import { existing, find, tree } from '../../core/etcd/v2/read.ts';
import { readRequest, type V2Request } from '../../core/etcd/v2/request.ts';
import { isCleared, watchNodes } from '../../core/etcd/v2/watch.ts';
import { write } from '../../core/etcd/v2/write.ts';
import { drained, readBody, sendText } from './http-io.ts';
import { isFromWebPage } from '../etcd/web-page.ts';

export interface V2FaceOptions {
  readonly service: EtcdService;
  readonly identity: Identity;
  readonly nodeName: string;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of what isn't a client's fault. */
  readonly onError: (error: unknown) => void;
}

const KEYS = '/v2/keys';
const METHODS = 'HEAD,GET,PUT,POST,DELETE';
const FORM_BYTES_MAX = 2_000_000;

/** etcd's v2 API over HTTP, as etcd 3.4 serves it with --enable-v2: keys, and what its clients ask about the cluster. */
export function v2Face(options: V2FaceOptions): RequestListener {
  const { service, identity, now, random } = options;
  const startedAt = new Date(now()).toISOString();

  return (request, response) => {
    void serve(request, response).catch((error: unknown) => {
      options.onError(error);
      if (response.headersSent) response.destroy();
      else sendText(response, 500, 'internal error\n');
    });
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (isFromWebPage(request.headers)) return sendText(response, 403, 'this endpoint does not answer browsers\n');
    const url = new URL(`http://host${request.url ?? '/'}`);
    const path = decoded(url.pathname);
    if (path === undefined) return sendText(response, 400, '400 Bad Request\n');
    if (path !== KEYS && !path.startsWith(`${KEYS}/`)) return about(options, startedAt, request, response, path);
    const end = new AbortController();
    response.once('close', () => end.abort());
    try {
      await keys(request, response, path.slice(KEYS.length) || '/', url, { signal: end.signal });
    } catch (error) {
      refuse(response, errorOf(error));
    }
  }

  async function keys(
    request: IncomingMessage,
    response: ServerResponse,
    rawPath: string,
    url: URL,
    caller: EtcdCaller,
  ): Promise<void> {
    const path = posix.normalize(`/${rawPath}`).replace(/(.)\/$/, '$1');
    if (/\/\/|\/\.\.?(\/|$)/.test(rawPath)) {
      return sendText(response, 301, '', { location: KEYS + encodeURI(posix.normalize(rawPath)) + url.search });
    }
    const method = request.method === 'HEAD' ? 'GET' : request.method;
    if (method === 'OPTIONS') return void response.writeHead(200).end();
    if (method !== 'GET' && method !== 'PUT' && method !== 'POST' && method !== 'DELETE') {
      return sendText(response, 405, 'Method Not Allowed\n', { allow: METHODS });
    }
    const form = await formOf(request);
    const asked = readRequest(method, path, readForm(url.search.slice(1)), form);
    if (asked.wait) return watch(response, asked, caller);
    if (method === 'GET') {
      const options = { serializable: !asked.quorum, content: 'all' as const };
      const found = await find(service, path, options, caller);
      const node = tree(existing(path, found), found.content, asked.recursive, now());
      return send(response, 200, found.index, { action: 'get', node });
    }
    const { event, index, created } = await write({ service, now, random }, asked, caller);
    send(response, created ? 201 : 200, index, asked.noValueOnSuccess ? { action: event.action } : event);
  }

  async function watch(
    response: ServerResponse,
    { path, recursive, waitIndex, stream }: V2Request,
    caller: EtcdCaller,
  ): Promise<void> {
    const range = { serializable: true, content: 1 };
    const { index } = await find(service, '/', range, caller);
    const wanted = { path, recursive, since: waitIndex, index };
    const events = watchNodes(service, wanted, now, caller);
    // Clients tell by the status that they have to read anew: this throws.
    if (await isCleared(service, wanted, caller)) await events.next();
    response.writeHead(200, headers(index));
    response.flushHeaders();
    for await (const event of events) {
      if (!response.write(goJson(event))) await drained(response);
      if (!stream || response.destroyed) break;
    }
    response.end();
  }

  function send(response: ServerResponse, status: number, index: number, event: V2Event): void {
    response.writeHead(status, headers(index)).end(goJson(event));
  }

  function refuse(response: ServerResponse, error: V2Error): void {
    const { code: errorCode, message, cause, index } = error;
    const body = goJson({ errorCode, message, cause, index });
    // A watch that ends in an error has said 200 long ago.
    if (response.headersSent) response.end(body);
    else response.writeHead(error.status, headers(index)).end(body);
  }

  function headers(index: number): Record<string, string> {
    return {
      'content-type': 'application/json',
      'x-etcd-cluster-id': identity.clusterId.toString(16),
      'x-etcd-index': String(index),
      'x-raft-index': String(index),
      'x-raft-term': String(RAFT_TERM),
    };
  }
}

/** Only what is sent as a form counts, and not with a DELETE, as with etcd. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams> {
  const type = request.headers['content-type'] ?? '';
  const body = await readBody(request, FORM_BYTES_MAX);
  if (!body) throw new V2Error('invalidForm', 'http: request body too large');
  const isRead = type.startsWith('application/x-www-form-urlencoded') && request.method !== 'DELETE';
  return isRead ? readForm(body.toString('utf8')) : new URLSearchParams();
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** What users and roles have against it. */
const UNAUTHORIZED = /permission denied|auth token|user name is empty/;

function errorOf(error: unknown): V2Error {
  if (error instanceof V2Error) return error;
  if (!(error instanceof EtcdError)) throw error;
  if (UNAUTHORIZED.test(error.message)) return new V2Error('unauthorized', 'Insufficient credentials');
  return new V2Error('raftInternal', error.message);
}

function about(
  { identity, nodeName }: V2FaceOptions,
  startTime: string,
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): void {
  const here = `http://${request.headers.host ?? '127.0.0.1:2379'}`;
  const id = identity.memberId.toString(16);
  const json = (body: object) => void response.writeHead(200, { 'content-type': 'application/json' }).end(goJson(body));
  switch (path) {
    case '/v2/machines':
      return sendText(response, 200, here);
    case '/v2/members':
      return json({ members: [{ id, name: nodeName, peerURLs: [], clientURLs: [here] }] });
    case '/v2/members/leader':
      return json({ id, name: nodeName, peerURLs: [], clientURLs: [here] });
    case '/v2/stats/self':
      return json({
        name: nodeName,
        id,
        state: 'StateLeader',
        startTime,
        leaderInfo: { leader: id, uptime: `${(Date.now() - Date.parse(startTime)) / 1000}s`, startTime },
        recvAppendRequestCnt: 0,
        sendAppendRequestCnt: 0,
      });
    case '/v2/stats/leader':
      return json({ leader: id, followers: {} });
    default:
      return sendText(response, 404, '404 page not found\n');
  }
}
