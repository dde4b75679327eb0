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

/** The bytes that were received; undefined = there are none; `streamed` = not read yet, and not covered by the signature. */
export type ReceivedBody = Uint8Array | undefined | { readonly streamed: true };

/** Which host signed this request? Throws the 401 errors of the catalogue. A revocation counts at once. */
export async function verifyHost(
  deps: HostAuthDeps,
  request: Request,
  body: ReceivedBody,
): Promise<HostPrincipal & { readonly keyId: string }> {
  const parsed = parseSignature(request.headers);
  if (!parsed.ok) throw refusal(parsed);
  const known = await deps.accounts.hostOfKey(parsed.keyId.slice(0, 64));
  if (!known) throw new TerraneError('host_unknown');
  verifyWithKey(deps, request, body, parsed.keyId);
  // After the signature, so that only who holds the key learns of it.
  if (known.status === 'revoked') throw new TerraneError('host_revoked');
  return { ...known.host, keyId: parsed.keyId };
}

/** Does the holder of this key sign the request? Without asking whose key it is: for the join. */
export function verifyWithKey(deps: Pick<HostAuthDeps, 'clock'>, request: Request, body: ReceivedBody, rawKey: string): void {
  const publicKey = publicKeyFromRaw(rawKey);
  if (!publicKey) throw new TerraneError('signature_invalid', 'The keyid is not an Ed25519 public key (32 bytes, base64url).');
  const streamedBody = body !== undefined && 'streamed' in body;
  const { method, url, headers } = request;
  const received = { method, url, headers, ...(body === undefined || streamedBody ? {} : { body: body as Uint8Array }) };
  const verified = verifyRequest(received, { publicKey, now: deps.clock.now(), streamedBody });
  if (!verified.ok) throw refusal(verified);
  if (verified.keyId !== rawKey)
    throw new TerraneError('signature_invalid', 'The request is signed with another key than it names.');
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
      const { keyId: _, ...host } = await verifyHost(deps, request, undefined);
      return host;
    } catch (error) {
      if (!(error instanceof TerraneError)) throw error;
      const headers = { [SERVER_TIME_HEADER]: String(deps.clock.now()) };
      return Response.json(errorEnvelope(error, '-'), { status: error.status, headers });
    }
  };
}
