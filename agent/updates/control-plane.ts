import type { RebootLockAnswer, RebootLockRequest, UpdateCheck, UpdateCheckAnswer } from '../../core/updates/agent-protocol.ts';
import { Refusal } from '../uplink/refusal.ts';
import type { SignedClient } from '../uplink/signed-client.ts';

/** What the control plane is asked about updates. Rejects when it can't be reached, and with Refusal when it says no. */
export interface UpdateControl {
  check(said: UpdateCheck): Promise<UpdateCheckAnswer>;
  rebootLock(request: RebootLockRequest): Promise<RebootLockAnswer>;
}

export function updateControl(client: Pick<SignedClient, 'send'>, signal: AbortSignal): UpdateControl {
  async function ask<T>(path: string, request: object): Promise<T> {
    const answer = await client.send({ method: 'POST', path: `/node/v1/updates/${path}`, body: JSON.stringify(request), signal });
    if (answer.status !== 200) throw new Refusal(answer);
    return JSON.parse(answer.body) as T;
  }
  return { check: (said) => ask('check', said), rebootLock: (request) => ask('reboot-lock', request) };
}
