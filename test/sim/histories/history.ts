import type { EtcdRequestOf, EtcdResponseOf } from '../../../core/etcd/service.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';

/** The calls whose answers can be replayed. */
export type RecordedMethod = 'Range' | 'Put' | 'DeleteRange' | 'Txn' | 'Compact' | 'LeaseGrant' | 'LeaseRevoke';

export type Outcome<Response> =
  | { readonly type: 'ok'; readonly response: Response }
  /** Refused for good: nothing was written. `error` is etcd's string. */
  | { readonly type: 'refused'; readonly error: string }
  /** It may have been carried out, or may be yet. */
  | { readonly type: 'unknown' };

interface CallOf<M extends RecordedMethod> {
  /** Whoever it is has the same endpoint all the time, which must not go back in time for it. */
  readonly client: string;
  readonly method: M;
  readonly request: EtcdRequestOf<M>;
  readonly outcome: Outcome<EtcdResponseOf<M>>;
  /** Instants on one clock for all clients, of which no two are the same. */
  readonly startedAt: number;
  readonly endedAt: number;
}

export type Call = { [M in RecordedMethod]: CallOf<M> }[RecordedMethod];

/** What clients saw, and what became of it: everything that was ever committed, as a watch from the beginning tells it. */
export interface History {
  readonly calls: readonly Call[];
  readonly log: readonly RevisionEvents[];
  /** Leases that the store itself may have revoked, because they ran out. */
  readonly mayExpire?: ReadonlySet<bigint>;
}

/** What is wrong: the rule that was broken, in a few words that tests can look for, and the facts. */
export interface Finding {
  readonly rule: string;
  readonly facts: string;
}

/** Values of any kind as text that is equal if they are, whatever the order of their fields: some have been on a wire, some not. */
export function show(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return `${each}n`;
    if (each instanceof Uint8Array) return Buffer.from(each).toString('latin1');
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each;
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

export function showCall(call: Call): string {
  const ended = call.outcome.type === 'unknown' ? '' : call.endedAt;
  const outcome = call.outcome.type === 'ok' ? call.outcome.response : call.outcome;
  return `${call.client} [${call.startedAt}, ${ended}] ${call.method} ${show(brief(call.request))} -> ${show(outcome)}`;
}

/** Without what isn't given. */
function brief(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(brief);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  const given = Object.entries(value).filter(([, each]) => each !== 0 && each !== '' && each !== false && each !== 0n);
  return Object.fromEntries(given.map(([name, each]) => [name, brief(each)]));
}

/** Collects calls as they are made, all in one process. */
export class Recorder {
  readonly calls: Call[] = [];
  #instant = 0;

  get now(): number {
    return ++this.#instant;
  }

  /** Makes the call and notes what came of it. Never throws. `isRefusal`: the error means that nothing was written. */
  async record<M extends RecordedMethod>(
    client: string,
    method: M,
    request: EtcdRequestOf<M>,
    call: () => Promise<EtcdResponseOf<M>>,
    isRefusal: (error: unknown) => boolean,
  ): Promise<Outcome<EtcdResponseOf<M>>> {
    const startedAt = this.now;
    let outcome: Outcome<EtcdResponseOf<M>>;
    try {
      outcome = { type: 'ok', response: await call() };
    } catch (error) {
      outcome = isRefusal(error) ? { type: 'refused', error: (error as Error).message } : { type: 'unknown' };
    }
    this.calls.push({ client, method, request, outcome, startedAt, endedAt: this.now } as unknown as Call);
    return outcome;
  }
}
