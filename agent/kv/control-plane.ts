import { connectionProblem, Refusal } from '../uplink/refusal.ts';
import type { BytesAnswer, BytesClient, SignedRequest } from '../uplink/signed-client.ts';

/** The control plane can't be reached, or has trouble of its own: worth another try. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The control plane doesn't let this host in any more. */
export class DismissedError extends Error {
  override readonly name = 'DismissedError';
}

/** One binary request of this host about the key-value store. Throws as `checked` does, or UnreachableError. */
export async function ask(client: BytesClient, request: SignedRequest): Promise<BytesAnswer> {
  const answer = await client.sendBytes(request).catch((error: unknown) => {
    throw new UnreachableError(connectionProblem(error), { cause: error });
  });
  return checked(answer);
}

/**
 * An answer that is what was asked for. Throws DismissedError, UnreachableError, or Refusal if the control plane understood and said
 * no.
 */
export function checked(answer: BytesAnswer): BytesAnswer {
  if (answer.status === 200) return answer;
  const refusal = new Refusal({ ...answer, body: answer.body.toString('utf8') });
  if (refusal.code === 'host_revoked') throw new DismissedError(refusal.message);
  // An answer without a code comes from something between us and the control plane.
  if (answer.status >= 500 || answer.status === 429 || refusal.code === '')
    throw new UnreachableError(connectionProblem(refusal));
  throw refusal;
}
