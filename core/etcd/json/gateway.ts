import { CODE, EtcdError, etcdErrorOf, httpStatusOf } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { EtcdCaller, EtcdService } from '../service.ts';
import type { JsonObject } from './answers.ts';
import { parseJson, parseJsonStream } from './parse.ts';
import { STREAMING } from './streams.ts';
import { UNARY } from './unary.ts';

/** 1.5 MB of keys and values take a third more in base64; and as much again for many small ones. */
export const BODY_BYTES_MAX = 4_000_000;

/** All are POST. */
export const GATEWAY_PATHS: readonly string[] = [...Object.keys(UNARY), ...Object.keys(STREAMING)];

export type GatewayAnswer =
  | { readonly type: 'message'; readonly status: number; readonly body: JsonObject }
  /** Each line is a JSON object and ends with a newline. */
  | { readonly type: 'lines'; readonly lines: AsyncGenerator<string> };

export interface GatewayRequest {
  readonly service: EtcdService;
  readonly identity: Identity;
  /** One of GATEWAY_PATHS. */
  readonly path: string;
  readonly body: Uint8Array;
  readonly caller: EtcdCaller;
  /** Told of what isn't the client's fault; the client gets no details. */
  readonly onError: (error: unknown) => void;
}

/**
 * etcd 3.4's JSON gateway without its HTTP: what to answer to a POST. Never throws. HTTP frameworks put it on the wire: the API's
 * (functions/api/etcd) and the host's.
 *
 * @example
 * const answer = await gatewayAnswer({ service, identity, path: '/v3/kv/range', body, caller: {}, onError });
 */
export async function gatewayAnswer(request: GatewayRequest): Promise<GatewayAnswer> {
  const { service, identity, path, body, caller } = request;
  try {
    const text = textOf(body);
    const streaming = STREAMING[path];
    if (streaming) {
      const messages = streaming.open(service, identity, parseJsonStream(text).map(orNothing), caller);
      // Whatever fails before there is a first message fails with a status of its own.
      const first = await messages.next();
      return { type: 'lines', lines: lines(first, messages, request) };
    }
    const json = text.trim() === '' ? undefined : orNothing(parseJson(text));
    return { type: 'message', status: 200, body: await UNARY[path]!.call(service, identity, json, caller) };
  } catch (error) {
    return refusal(error, request);
  }
}

/** What a request is refused with, as the gateway writes it. */
export function refusal(error: unknown, { onError }: Pick<GatewayRequest, 'onError'>): GatewayAnswer & { type: 'message' } {
  const { message, code } = clientError(error, onError);
  return { type: 'message', status: httpStatusOf(code), body: { error: message, message, code } };
}

async function* lines(
  first: IteratorResult<JsonObject>,
  messages: AsyncGenerator<JsonObject>,
  { onError }: GatewayRequest,
): AsyncGenerator<string> {
  try {
    if (first.done) return;
    yield `${JSON.stringify({ result: first.value })}\n`;
    for await (const result of messages) yield `${JSON.stringify({ result })}\n`;
  } catch (error) {
    // The status line has gone out long ago: this is how grpc-gateway ends a stream.
    const { code, message } = clientError(error, onError);
    yield `${JSON.stringify({ error: { grpc_code: code, http_code: httpStatusOf(code), message } })}\n`;
  } finally {
    await messages.return(undefined);
  }
}

function clientError(error: unknown, onError: (error: unknown) => void): EtcdError {
  const known = etcdErrorOf(error);
  if (known) return known;
  onError(error);
  return new EtcdError(CODE.internal, 'internal error; the X-Request-Id header finds it in the server log');
}

function textOf(body: Uint8Array): string {
  if (body.length > BODY_BYTES_MAX) throw EtcdError.of('requestTooLarge');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    throw new EtcdError(CODE.invalidArgument, 'the body is not valid UTF-8');
  }
}

const orNothing = (json: unknown) => json ?? undefined;
