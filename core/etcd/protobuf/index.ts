import type { Identity } from '../identity.ts';
import type { EtcdMethod, EtcdRequestOf, EtcdResponseOf } from '../service.ts';
import { type Codec, decode } from './message.ts';
import { METHOD_CODECS } from './methods.ts';
import { WireWriter } from './wire-writer.ts';

/**
 * etcd's messages in protobuf, as etcd 3.4's clients and servers have them (rpc.proto, kv.proto, auth.proto, v3lock.proto,
 * v3election.proto of https://github.com/etcd-io/etcd/tree/release-3.4); fields that aren't known are passed over.
 */

export { type Codec, decode } from './message.ts';
export { METHOD_CODECS } from './methods.ts';
export { revisionOf } from './header.ts';
export { WireWriter } from './wire-writer.ts';
export { leaderResponse, electionRequest } from './concurrency-messages.ts';
export { nothing, snapshotResponse } from './maintenance-messages.ts';
export { watchAnswer, watchRequest } from './watch-messages.ts';

/** One for all requests, and one for each who answers: a message is copied out of it before the next is written. */
const requestWriter = new WireWriter();
const responseWriters = new WeakMap<Identity, WireWriter>();

/** `identity`: for the headers of responses. */
export function encode<T>(codec: Codec<T>, value: T, identity?: Identity): Uint8Array {
  const writer = (identity ? writerOf(identity) : requestWriter).start();
  codec.write(writer, value);
  return writer.copy();
}

function writerOf(identity: Identity): WireWriter {
  const known = responseWriters.get(identity);
  if (known) return known;
  const writer = new WireWriter(identity);
  responseWriters.set(identity, writer);
  return writer;
}

export function encodeRequest<M extends EtcdMethod>(method: M, request: EtcdRequestOf<M>): Uint8Array {
  return encode(METHOD_CODECS[method].request as Codec<EtcdRequestOf<M>>, request);
}

/** Throws EtcdError (internal) on bytes that are no such request. */
export function decodeRequest<M extends EtcdMethod>(method: M, bytes: Uint8Array): EtcdRequestOf<M> {
  return decode(METHOD_CODECS[method].request as Codec<EtcdRequestOf<M>>, bytes);
}

export function encodeResponse<M extends EtcdMethod>(method: M, response: EtcdResponseOf<M>, identity: Identity): Uint8Array {
  return encode(METHOD_CODECS[method].response as Codec<EtcdResponseOf<M>>, response, identity);
}

/** Throws EtcdError (internal) on bytes that are no such response. */
export function decodeResponse<M extends EtcdMethod>(method: M, bytes: Uint8Array): EtcdResponseOf<M> {
  return decode(METHOD_CODECS[method].response as Codec<EtcdResponseOf<M>>, bytes);
}
