import { createHash, createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import {
  parseBytesDictionary,
  parseSignatureInput,
  signatureBase,
  signatureParams,
  signBase,
  type SignedMessage,
  verifyBase,
} from './signature-base.ts';

/**
 * How hosts sign their requests: RFC 9421 with Ed25519. Covered: @method @authority @path @query content-digest (RFC 9530,
 * sha-256; of the empty body too). Parameters: created keyid nonce alg tag="terrane"; keyid is the host's public key.
 * A body that is streamed can't be digested before it is sent: then, and only where the verifier allows it, content-digest
 * is left out.
 */
const SIGNATURE_TAG = 'terrane';
export const SKEW_SECONDS_MAX = 300;

const COMPONENTS = ['@method', '@authority', '@path', '@query', 'content-digest'] as const;
const STREAMED_COMPONENTS = ['@method', '@authority', '@path', '@query'] as const;
const FIELD_LENGTH_MAX = 4096;

export interface RequestToSign {
  readonly method: string;
  /** Absolute URL as it will be requested (http, https, ws, wss). */
  readonly url: string;
  /** The exact bytes; a string means UTF-8; `{ streamed: true }` says that they aren't known yet. */
  readonly body?: Uint8Array | string | { readonly streamed: true };
  /** Carried over into the result. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SigningKey {
  /** The raw public key, base64url (see `rawPublicKey`). */
  readonly keyId: string;
  /** Ed25519. */
  readonly privateKey: KeyObject;
  /** Server time as far as the host knows it, ms since the epoch; sent as whole seconds. */
  readonly created: number;
  readonly nonce?: string;
}

/** The request's headers together with content-digest, signature-input and signature. */
export function signRequest(request: RequestToSign, key: SigningKey): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) headers[name.toLowerCase()] = value;
  const streamed = typeof request.body === 'object' && 'streamed' in request.body;
  if (!streamed) headers['content-digest'] = contentDigest(request.body as Uint8Array | string | undefined);
  const components = streamed ? STREAMED_COMPONENTS : COMPONENTS;
  const params = signatureParams(components, {
    created: Math.floor(key.created / 1000),
    keyid: key.keyId,
    ...(key.nonce === undefined ? {} : { nonce: key.nonce }),
    alg: 'ed25519',
    tag: SIGNATURE_TAG,
  });
  const message = {
    method: request.method,
    url: request.url,
    authority: new URL(request.url).host,
    field: (n: string) => headers[n],
  };
  const base = signatureBase(message, components, params);
  if (base === undefined) throw new Error('a component of the signature is missing from the request');
  headers['signature-input'] = `${SIGNATURE_TAG}=${params}`;
  headers.signature = `${SIGNATURE_TAG}=:${signBase(base, key.privateKey)}:`;
  return headers;
}

export type SignatureProblem =
  /** No signature of ours on the request. */
  | 'missing'
  /** The fields can't be read. */
  | 'malformed'
  /** Not the profile above: another algorithm, a component that isn't covered. */
  | 'profile'
  /** `created` is further from `now` than allowed: the host's clock is wrong. */
  | 'skew'
  /** The body isn't the one that was signed. */
  | 'digest'
  /** Signed with another key, or changed on the way. */
  | 'signature';

export type SignatureFailure = { readonly ok: false; readonly problem: SignatureProblem; readonly message: string };

export interface ParsedSignature {
  readonly ok: true;
  readonly keyId: string;
  /** ms since the epoch. */
  readonly created: number;
  readonly nonce: string | undefined;
  readonly components: readonly string[];
  readonly rawParams: string;
  /** Base64. */
  readonly signature: string;
}

/** First step of a verification: whose key does the request claim? Nothing is proven yet. */
export function parseSignature(headers: Headers): ParsedSignature | SignatureFailure {
  const inputField = headers.get('signature-input');
  const signatureField = headers.get('signature');
  if (!inputField || !signatureField)
    return failure('missing', 'the request has no signature (Signature-Input and Signature headers)');
  if (inputField.length + signatureField.length > FIELD_LENGTH_MAX)
    return failure('malformed', 'the signature headers are too long');
  const inputs = parseSignatureInput(inputField);
  const signatures = parseBytesDictionary(signatureField);
  if (!inputs || !signatures) return failure('malformed', 'the signature headers are not valid structured fields (RFC 9421)');
  const ours = inputs.filter((input) => input.params.tag === SIGNATURE_TAG);
  if (ours.length !== 1) return failure('missing', `exactly one signature with tag="${SIGNATURE_TAG}" is expected`);
  const { label, params, components, raw } = ours[0]!;
  const { keyid, created, nonce, alg } = params;
  const signature = signatures.get(label);
  if (typeof keyid !== 'string' || typeof created !== 'number' || signature === undefined) {
    return failure('malformed', 'the signature needs the parameters keyid and created');
  }
  if (alg !== 'ed25519') return failure('profile', 'the signature must be made with alg="ed25519"');
  return {
    ok: true,
    keyId: keyid,
    created: created * 1000,
    nonce: typeof nonce === 'string' ? nonce : undefined,
    components,
    rawParams: raw,
    signature,
  };
}

export interface RequestToVerify {
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  /** The bytes received; undefined = empty. */
  readonly body?: Uint8Array | string;
}

export interface VerifyOptions {
  /** Of the key that `parseSignature` named. */
  readonly publicKey: KeyObject;
  /** ms since the epoch. */
  readonly now: number;
  readonly skewSeconds?: number;
  /** Accept a signature that doesn't cover the body (streams). Default false. */
  readonly streamedBody?: boolean;
}

/** Second step: does the signature hold? The authority is the Host header's. */
export function verifyRequest(request: RequestToVerify, options: VerifyOptions): ParsedSignature | SignatureFailure {
  const parsed = parseSignature(request.headers);
  if (!parsed.ok) return parsed;
  const required = options.streamedBody ? STREAMED_COMPONENTS : COMPONENTS;
  const uncovered = required.find((name) => !parsed.components.includes(name));
  if (uncovered) return failure('profile', `the signature does not cover ${uncovered}`);
  const base = signatureBase(messageOf(request), parsed.components, parsed.rawParams);
  if (base === undefined) return failure('profile', 'the signature covers a component that the request does not have');
  if (!verifyBase(base, parsed.signature, options.publicKey)) {
    return failure('signature', 'the signature does not match the request: it was signed with another key or changed on the way');
  }
  if (parsed.components.includes('content-digest') && !options.streamedBody && !digestMatches(request)) {
    return failure('digest', 'the body is not the one that was signed (Content-Digest)');
  }
  // Last, so that "your clock is wrong" is only ever told to who holds the key.
  const skewMs = (options.skewSeconds ?? SKEW_SECONDS_MAX) * 1000;
  if (Math.abs(options.now - parsed.created) > skewMs) {
    const seconds = Math.round((parsed.created - options.now) / 1000);
    return failure('skew', `the clock of the host is ${Math.abs(seconds)} s ${seconds > 0 ? 'ahead of' : 'behind'} the server's`);
  }
  return parsed;
}

/** RFC 9530, e.g. `sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:`. */
function contentDigest(body: Uint8Array | string | undefined): string {
  return `sha-256=:${sha256(body).toString('base64')}:`;
}

function digestMatches(request: RequestToVerify): boolean {
  const claimed = parseBytesDictionary(request.headers.get('content-digest') ?? '')?.get('sha-256');
  const actual = sha256(request.body);
  const bytes = Buffer.from(claimed ?? '', 'base64');
  return bytes.length === actual.length && timingSafeEqual(bytes, actual);
}

function sha256(body: Uint8Array | string | undefined): Buffer {
  return createHash('sha256')
    .update(body ?? '')
    .digest();
}

function messageOf(request: RequestToVerify): SignedMessage {
  return {
    method: request.method,
    url: request.url,
    authority: request.headers.get('host') ?? new URL(request.url).host,
    field: (name) => request.headers.get(name) ?? undefined,
  };
}

function failure(problem: SignatureProblem, message: string): SignatureFailure {
  return { ok: false, problem, message };
}

/** The 32 bytes of an Ed25519 public key (or of the private key's public half), base64url without padding: 43 characters. */
export function rawPublicKey(key: KeyObject): string {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ format: 'jwk' }).x as string;
}

/** The key object of a raw key, or undefined if the text isn't one. */
export function publicKeyFromRaw(raw: string): KeyObject | undefined {
  if (!/^[A-Za-z0-9_-]{43}$/.test(raw)) return undefined;
  try {
    return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: raw }, format: 'jwk' });
  } catch {
    return undefined;
  }
}
