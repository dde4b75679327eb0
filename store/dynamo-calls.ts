import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { type HttpAnswer, PlainHttp } from './plain-http.ts';
import { signedHeaders, unsignedHeaders } from './sigv4.ts';
import { fromWire, type WireItem } from './wire-item.ts';
import type { Item } from './log-items.ts';

/** An answer of DynamoDB other than success, by the name that it gives (`ConditionalCheckFailedException`, ...). */
export class DynamoError extends Error {
  readonly status: number;
  /** What a failed condition found, if it was asked to say. */
  readonly item: Item | undefined;
  constructor(name: string, message: string, status: number, item: Item | undefined) {
    super(message);
    this.name = name;
    this.status = status;
    this.item = item;
  }
}

/** No answer: the call may or may not have been carried out. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

export interface CallOptions {
  /** Attempts in all; each failed one is waited for a little longer. Default 4. */
  readonly attempts?: number;
  /** Runs at each attempt after it is signed, right before it is sent. What it throws ends the call. */
  readonly beforeSend?: () => void;
}

/** Calls DynamoDB: the operation's name, its input and its output as the SDK's commands have them, items as on the wire. */
export type DynamoCall = <Output>(operation: string, input: object, options?: CallOptions) => Promise<Output>;

/** Of the embedded store, which checks no signatures. */
export const EMBEDDED_REGION = 'embedded';

const SOCKETS_MAX = 64;
const TIMEOUT_MS = 10_000;
const RETRY_MS = { first: 50, max: 1_000 };
const RETRIABLE = new Set([
  'ProvisionedThroughputExceededException',
  'ThrottlingException',
  'RequestLimitExceeded',
  'InternalServerError',
  'ServiceUnavailable',
]);

/**
 * The log's hot calls without the SDK's middleware, which takes more than half of a call's time to a store on the same machine.
 * Region, credentials and endpoint are those of the SDK's client.
 */
export function dynamoCalls(client: DynamoDBClient): DynamoCall {
  const known = callsOf.get(client);
  if (known) return known;
  const calls = newCalls(client);
  callsOf.set(client, calls);
  return calls;
}

/** One for each client, as its connections are shared. */
const callsOf = new WeakMap<DynamoDBClient, DynamoCall>();

function newCalls({ config }: DynamoDBClient): DynamoCall {
  const agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX });
  let plain: PlainHttp | undefined;
  let place: Promise<{ region: string; url: URL }> | undefined;

  const send = async (url: URL, headers: Record<string, string>, body: string): Promise<HttpAnswer> => {
    if (url.protocol === 'https:') return sendSecure(url, body, headers, agent);
    const { hostname: host, port } = url;
    plain ??= new PlainHttp({ host, port: Number(port) || 80, socketsMax: SOCKETS_MAX, timeoutMs: TIMEOUT_MS });
    return plain.post(headers, body);
  };

  const attempt = async (operation: string, body: string, beforeSend: (() => void) | undefined): Promise<string> => {
    place ??= placeOf(config);
    const { region, url } = await place;
    const credentials = await config.credentials();
    const target = `DynamoDB_20120810.${operation}`;
    const now = Date.now();
    const what = { credentials, region, service: 'dynamodb', host: url.host, target };
    const headers = region === EMBEDDED_REGION ? unsignedHeaders(what) : signedHeaders({ ...what, body, now });
    beforeSend?.();
    let answer: HttpAnswer;
    try {
      answer = await send(url, { ...headers, 'content-type': 'application/x-amz-json-1.0' }, body);
    } catch (cause) {
      throw new NoAnswerError(`no answer from the store: ${(cause as Error).message}`, { cause });
    }
    if (answer.status !== 200) throw errorOf(answer.body, answer.status);
    return answer.body;
  };

  return async <Output>(operation: string, input: object, { attempts = 4, beforeSend }: CallOptions = {}) => {
    const body = JSON.stringify(input);
    for (let tried = 1, retryMs = RETRY_MS.first; ; tried++, retryMs = Math.min(retryMs * 2, RETRY_MS.max)) {
      try {
        return JSON.parse(await attempt(operation, body, beforeSend)) as Output;
      } catch (error) {
        if (tried >= attempts || !isPassing(error)) throw error;
        const pauseMs = retryMs * (0.5 + Math.random() / 2);
        await new Promise((resolve) => setTimeout(resolve, pauseMs));
      }
    }
  };
}

/** As the SDK decides: the client's own endpoint, else the environment's, else the region's. */
async function placeOf(config: DynamoDBClient['config']): Promise<{ region: string; url: URL }> {
  const region = await config.region();
  const own = await config.endpoint?.();
  if (own) return { region, url: new URL(`${own.protocol}//${own.hostname}${own.port ? `:${own.port}` : ''}`) };
  const set = process.env['AWS_ENDPOINT_URL_DYNAMODB'] ?? process.env['AWS_ENDPOINT_URL'];
  if (set) return { region, url: new URL(set) };
  return { region, url: config.endpointProvider({ Region: region, UseDualStack: false, UseFIPS: false }).url };
}

function sendSecure(url: URL, body: string, headers: Record<string, string>, agent: Agent): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent,
        method: 'POST',
        hostname: url.hostname,
        port: url.port,
        path: '/',
        headers: { ...headers, 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        readText(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
      },
    );
    const timer = setTimeout(() => outgoing.destroy(new Error(`${TIMEOUT_MS / 1000} s have passed`)), TIMEOUT_MS);
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function errorOf(text: string, status: number): DynamoError {
  try {
    const {
      __type = 'UnknownError',
      message,
      Message,
      Item,
    } = JSON.parse(text) as Record<string, string> & {
      Item?: WireItem;
    };
    return new DynamoError(__type.slice(__type.indexOf('#') + 1), message ?? Message ?? __type, status, Item && fromWire(Item));
  } catch {
    return new DynamoError('UnknownError', `the store answered ${status}: ${text.slice(0, 200)}`, status, undefined);
  }
}

/** Worth another attempt: throttled, a fault of the service, or no answer at all. */
function isPassing(error: unknown): boolean {
  if (error instanceof DynamoError) return error.status >= 500 || RETRIABLE.has(error.name);
  return error instanceof NoAnswerError;
}
