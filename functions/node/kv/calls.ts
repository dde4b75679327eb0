import { CODE, EtcdError, etcdErrorOf } from '../../../core/etcd/errors.ts';
import { type Identity, identityOf } from '../../../core/etcd/identity.ts';

import { decodeRequest, encodeResponse, METHOD_CODECS } from '../../../core/etcd/protobuf/index.ts';
import type { EtcdMethod, EtcdService } from '../../../core/etcd/service.ts';
import {
  ANSWER_BYTES_MAX,
  type CallOutcome,
  type ForwardedAnswer,
  type ForwardedCall,
  type ForwardedCalls,
} from '../../../core/node/kv.ts';
import { entryFor } from '../../../core/keyspace/entry.ts';
import type { LogEntry } from '../../../core/keyspace/log.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';

export interface CallsDeps {
  readonly services: { open(tenant: string, cluster: string): Promise<EtcdService> };
  readonly keyspaces: {
    open(tenant: string, cluster: string, name: 'kv'): Promise<Pick<OpenKeyspace, 'recent' | 'sync' | 'eventsAt'>>;
  };
  /** Called for errors that are the server's fault; the client gets no details. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** These wait for others, for as long as it takes: hosts wait themselves. */
const WAITING: ReadonlySet<string> = new Set(['Lock', 'Campaign']);

/** They are kept in the log. */
const ID_LENGTH_MAX = 64;

/** Carries out a host's calls. They are begun in order, in one turn of the event loop, so that what they write is one commit. */
export async function serveCalls(
  deps: CallsDeps,
  tenant: string,
  cluster: string,
  { after, calls, reads = 1 }: ForwardedCalls,
): Promise<ForwardedAnswer> {
  const service = await deps.services.open(tenant, cluster);
  const identity = identityOf(cluster);
  const outcomes = await Promise.all(calls.map((call) => outcomeOf(deps, service, identity, call)));
  if (after === undefined) return { entries: [], outcomes };
  const keyspace = await deps.keyspaces.open(tenant, cluster, 'kv');
  const entries = (keyspace.recent(after) ?? []).map((entry) => entryFor(reads, entry));
  return { entries: fitting(entries, outcomes), outcomes };
}

async function outcomeOf(deps: CallsDeps, service: EtcdService, identity: Identity, call: ForwardedCall): Promise<CallOutcome> {
  try {
    if (call.id.length > ID_LENGTH_MAX) throw new EtcdError(CODE.invalidArgument, 'the id of a call is too long');
    const method = methodOf(call.method);
    const caller = { token: call.token || undefined, requestId: call.id, again: call.again };
    const response = await service.call(method, decodeRequest(method, call.request), caller);
    return { code: 0, response: encodeResponse(method, response, identity) };
  } catch (error) {
    const known = etcdErrorOf(error);
    if (!known) deps.onError?.(error);
    return known ?? new EtcdError(CODE.internal, 'internal error');
  }
}

function methodOf(name: string): EtcdMethod {
  if (!Object.hasOwn(METHOD_CODECS, name) || WAITING.has(name)) throw new EtcdError(CODE.unimplemented, `unknown method ${name}`);
  return name as EtcdMethod;
}

/** The first ones that fit beside the answers: the host reads the others. */
function fitting(entries: readonly LogEntry[], outcomes: readonly CallOutcome[]) {
  let room = ANSWER_BYTES_MAX;
  for (const outcome of outcomes) if ('response' in outcome) room -= outcome.response.length;
  const first = entries.findIndex(({ body }) => (room -= body.length) < 0);
  return first < 0 ? entries : entries.slice(0, first);
}
