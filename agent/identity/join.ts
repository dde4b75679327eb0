import type { JoinRequest, JoinResponse } from '../../core/node/join.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { abortableDelay } from '../abortable-delay.ts';
import { retryDelay } from '../uplink/jitter.ts';
import { connectionProblem, Refusal } from '../uplink/refusal.ts';
import type { SignedClient } from '../uplink/signed-client.ts';

export interface JoinOptions {
  readonly client: SignedClient;
  readonly request: JoinRequest;
  readonly log: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/**
 * Redeems the join token. Tries until the control plane answers (same key and token give the same answer, so a lost answer
 * costs nothing). Throws Refusal when it says no for good: the token is wrong, used up or expired, or the host is another cluster's.
 */
export async function join({ client, request, log, random, signal }: JoinOptions): Promise<JoinResponse> {
  for (let failures = 0; ; failures++) {
    let wait: number;
    try {
      const answer = await client.send({ method: 'POST', path: '/node/v1/join', body: JSON.stringify(request), signal });
      if (answer.status >= 200 && answer.status < 300) return JSON.parse(answer.body) as JoinResponse;
      const refusal = new Refusal(answer);
      if (isFinal(refusal)) throw refusal;
      wait = refusal.retryAfterMs ?? retryDelay(failures, random);
      log.warn(`joining ${client.server.host} failed: ${connectionProblem(refusal)}. Trying again in ${seconds(wait)}`);
    } catch (error) {
      if (signal.aborted || (error instanceof Refusal && isFinal(error))) throw error;
      wait = retryDelay(failures, random);
      log.warn(
        `the control plane ${client.server.origin} can't be reached: ${connectionProblem(error)}. Trying again in ${seconds(wait)}`,
      );
    }
    await abortableDelay(wait, signal);
    signal.throwIfAborted();
  }
}

/** Another one may be heard later on: nodes are removed, plans grow, and clocks are set, which at a first boot may be just now. */
const PASSING: ReadonlySet<string> = new Set(['node_limit_reached', 'clock_skew']);

/** A better answer can't be had by asking again. */
function isFinal({ status, code }: Refusal): boolean {
  if (PASSING.has(code)) return false;
  return status >= 400 && status < 500 && status !== 408 && status !== 425 && status !== 429 && code !== '';
}

export function seconds(ms: number): string {
  return `${Math.max(1, Math.round(ms / 1000))} s`;
}
