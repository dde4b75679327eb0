import type { KeyObject } from 'node:crypto';
import {
  parseSignature,
  publicKeyFromRaw,
  type SignatureFailure,
  type SignatureProblem,
  verifyRequest,
} from '../../core/node/http-signature.ts';
import type { ErrorCode } from '../../core/errors/catalogue.ts';
import { errorEnvelope, TerraneError } from '../../core/errors/terrane-error.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Accounts } from '../../store/accounts/accounts.ts';

/** On every answer to a host: our time in ms since the epoch. A host whose clock is wrong signs with it and tries again. */
export const SERVER_TIME_HEADER = 'terrane-server-time';

export interface HostAuthDeps {
  readonly accounts: Pick<Accounts, 'hostOfKey'>;
  readonly clock: Clock;
}

/** The host, and what its signature says beside. */
export type SigningHost = HostPrincipal & {
  readonly keyId: string;
  readonly nonce: string | undefined;
  /** By the host's clock, ms since the epoch. */
  readonly signedAt: number;
};

/** The bytes that were received; undefined = there are none; `streamed` = not read yet, and not covered by the signature. */
export type ReceivedBody = Uint8Array | undefined | { readonly streamed: true };

export interface VerifyHostOptions {
  /** Taken for so long before and after the time that it was signed at, ms. Default: SKEW_SECONDS_MAX. */
  readonly ageMsMax?: number | undefined;
}

/** Which host signed this request? Throws the 401 errors of the catalogue. A revocation counts at once. */
export async function verifyHost(
  deps: HostAuthDeps,
  request: Request,
  body: ReceivedBody,
  options: VerifyHostOptions = {},
): Promise<SigningHost> {
  const parsed = parseSignature(request.headers);
  if (!parsed.ok) throw refusal(parsed);
  const known = await deps.accounts.hostOfKey(parsed.keyId.slice(0, 64));
  if (!known) throw new TerraneError('host_unknown');
  verifyWithKey(deps, request, body, parsed.keyId, options);
  // After the signature, so that only who holds the key learns of it.
  if (known.status === 'revoked') throw new TerraneError('host_revoked');
  return { ...known.host, keyId: parsed.keyId, nonce: parsed.nonce, signedAt: parsed.created };
}

/** Without what only its signature says. */
export function principalOf({ kind, tenant, cluster, hostId, nodeName }: HostPrincipal): HostPrincipal {
  return { kind, tenant, cluster, hostId, nodeName };
}

/** Does the holder of this key sign the request? Without asking whose key it is: for the join. */
export function verifyWithKey(
  deps: Pick<HostAuthDeps, 'clock'>,
  request: Request,
  body: ReceivedBody,
  rawKey: string,
  { ageMsMax }: VerifyHostOptions = {},
): void {
  const publicKey = knownKey(rawKey);
  if (!publicKey) throw new TerraneError('signature_invalid', 'The keyid is not an Ed25519 public key (32 bytes, base64url).');
  const streamedBody = body !== undefined && 'streamed' in body;
  const { method, url, headers } = request;
  const received = { method, url, headers, ...(body === undefined || streamedBody ? {} : { body: body as Uint8Array }) };
  const verified = verifyRequest(received, {
    publicKey,
    now: deps.clock.now(),
    streamedBody,
    ...(ageMsMax === undefined ? {} : { skewSeconds: ageMsMax / 1000 }),
  });
  if (!verified.ok) throw refusal(verified);
  if (verified.keyId !== rawKey)
    throw new TerraneError('signature_invalid', 'The request is signed with another key than it names.');
}

/** Making a key object of its text takes longer than checking a signature with it. */
const keys = new Map<string, KeyObject>();
const KEYS_MAX = 10_000;

function knownKey(rawKey: string): KeyObject | undefined {
  const known = keys.get(rawKey);
  if (known) return known;
  const made = publicKeyFromRaw(rawKey);
  if (!made) return undefined;
  if (keys.size >= KEYS_MAX) keys.clear();
  keys.set(rawKey, made);
  return made;
}

const CODES: Readonly<Record<SignatureProblem, ErrorCode>> = {
  missing: 'signature_missing',
  malformed: 'signature_invalid',
  profile: 'signature_invalid',
  digest: 'signature_invalid',
  signature: 'signature_invalid',
  skew: 'clock_skew',
};

function refusal({ problem, message }: SignatureFailure): TerraneError {
  return new TerraneError(CODES[problem], `${message[0]!.toUpperCase()}${message.slice(1)}.`);
}

/** For the WebSocket upgrade of /node/v1/push: the host, or the answer to refuse with. */
export function hostAuthenticator(deps: HostAuthDeps): (request: Request) => Promise<HostPrincipal | Response> {
  return async (request) => {
    try {
      return principalOf(await verifyHost(deps, request, undefined));
    } catch (error) {
      if (!(error instanceof TerraneError)) throw error;
      const headers = { [SERVER_TIME_HEADER]: String(deps.clock.now()) };
      return Response.json(errorEnvelope(error, '-'), { status: error.status, headers });
    }
  };
}
