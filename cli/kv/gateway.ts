import { HttpClient, type HttpRequest } from '../http/client.ts';
import { openSession, type SessionOptions } from '../session.ts';
import type { Io } from '../io.ts';
import { lines } from '../kube/lines.ts';
import { CliError, usageError } from '../errors.ts';

export interface EndpointOptions extends SessionOptions {
  /** A host's endpoint instead of the control plane's. */
  readonly endpoint?: string;
  /** The endpoint of this host. */
  readonly host?: boolean;
  /** `NAME:PASSWORD`, where etcd's own users are enabled. */
  readonly user?: string;
}

/** Of hosts, as etcd's. */
export const HOST_ENDPOINT = 'http://127.0.0.1:2379';

// oxlint-disable-next-line typescript/no-explicit-any -- etcd's answers, of which each command knows its own
export type Answer = Record<string, any>;

/** etcd's JSON gateway: the cluster's in the control plane, or a host's. */
export interface Gateway {
  /** `patient`: it waits for others, for as long as it takes. */
  post(path: string, body: object, options?: { patient?: boolean; query?: HttpRequest['query'] }): Promise<Answer>;
  /** The `result` of each line. Throws the error that a line says. */
  stream(path: string, body: object, signal?: AbortSignal): AsyncGenerator<Answer>;
}

export async function openGateway(io: Io, options: EndpointOptions): Promise<Gateway> {
  const { http, prefix, onHost } = await placeOf(io, options);
  const explain = (error: unknown): never => {
    throw onHost && error instanceof CliError && error.code === 'server_unreachable' ? noEndpoint(http, error) : error;
  };
  let headers: Readonly<Record<string, string>> = {};

  const post: Gateway['post'] = (path, body, more = {}) =>
    http.json<Answer>({ method: 'POST', path: prefix + path, body, headers, ...more }).catch(explain);
  if (options.user !== undefined) {
    const [name, ...password] = options.user.split(':');
    if (!name || password.length === 0) throw usageError('--user must be NAME:PASSWORD');
    const { token } = await post('/v3/auth/authenticate', { name, password: password.join(':') });
    headers = { 'grpc-metadata-token': String(token) };
  }
  return {
    post,
    async *stream(path, body, signal) {
      const request = { method: 'POST' as const, path: prefix + path, body, headers, ...(signal ? { signal } : {}) };
      for await (const line of lines(await http.send(request).catch(explain))) {
        const { result, error } = JSON.parse(line) as { result?: Answer; error?: { message?: string } | string };
        if (error) throw new CliError(typeof error === 'string' ? error : (error.message ?? 'the stream broke off'));
        if (result) yield result;
      }
    },
  };
}

async function placeOf(io: Io, options: EndpointOptions): Promise<{ http: HttpClient; prefix: string; onHost: boolean }> {
  const endpoint = options.endpoint ?? (options.host ? HOST_ENDPOINT : undefined);
  if (endpoint === undefined) {
    const session = await openSession(io, options);
    return { http: session.http, prefix: `/clusters/${(await session.cluster()).id}/etcd`, onHost: false };
  }
  const url = URL.canParse(endpoint) && endpoint.includes('://') ? endpoint : `http://${endpoint}`;
  if (!URL.canParse(url)) throw usageError(`--endpoint ${endpoint} is not an address`, `It looks like ${HOST_ENDPOINT}`);
  return { http: new HttpClient({ server: new URL(url).origin }), prefix: '', onHost: true };
}

/** What answers there is an agent, not a control plane. */
function noEndpoint({ endpoint }: HttpClient, cause: CliError): CliError {
  return new CliError(`etcd is not reached at ${endpoint.server}`, {
    code: 'endpoint_unreachable',
    fix: "Does the host's agent run, and listen there? Its --etcd-listen says where: --endpoint URL. Without --host, the control plane answers.",
    cause,
  });
}
