import type { HeaderField } from './hpack/header-field.ts';
import { ERROR, StreamError } from './protocol.ts';

export interface RequestHead {
  readonly method: string;
  readonly path: string;
  readonly contentLength: number | undefined;
}

/**
 * RFC 9113, 8.3.1: exactly one of each pseudo-header that a request needs, before all fields, and none that isn't known. What
 * `:authority` says is nobody's business here: etcd's client 3.5.0 sends `#initially=[...]`. Throws StreamError.
 */
export function readRequest(fields: readonly HeaderField[]): RequestHead {
  let method: string | undefined;
  let path: string | undefined;
  let scheme: string | undefined;
  let authority: string | undefined;
  let contentLength: number | undefined;
  let regular = false;
  for (const { name, value, malformed } of fields) {
    if (malformed) throw malformedRequest(`a field that HTTP/2 does not allow: ${JSON.stringify(name)}`);
    if (name.charCodeAt(0) !== COLON) {
      regular = true;
      if (name === 'content-length') contentLength = lengthOf(value, contentLength);
      continue;
    }
    if (regular) throw malformedRequest('a pseudo-header after a field');
    if (name === ':path' && path === undefined && value !== '') path = value;
    else if (name === ':method' && method === undefined) method = value;
    else if (name === ':scheme' && scheme === undefined) scheme = value;
    else if (name === ':authority' && authority === undefined) authority = value;
    else throw malformedRequest(`a pseudo-header that is unknown, empty or there twice: ${name}`);
  }
  if (method === undefined || path === undefined || scheme === undefined) throw malformedRequest('a pseudo-header is missing');
  return { method, path, contentLength };
}

const COLON = 58;

function lengthOf(value: string, before: number | undefined): number {
  const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  if (length === undefined || (before !== undefined && before !== length)) throw malformedRequest('content-length is no length');
  return length;
}

function malformedRequest(why: string): StreamError {
  return new StreamError(ERROR.protocol, `malformed request: ${why}`);
}
