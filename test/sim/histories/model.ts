import type {
  Compare,
  DeleteRangeRequest,
  Operation,
  PutRequest,
  RangeRequest,
  TxnRequest,
} from '../../../core/etcd/requests.ts';
import type { ChangeEvent, Key, KeyValue, Revision } from '../../../core/keyspace/types.ts';

/**
 * etcd as simple as can be, written anew from its documentation so that it shares no mistake with core/: a whole map for each
 * revision. It answers one request at a time.
 */

export type Rows = ReadonlyMap<Key, KeyValue>;

/** All states from revision 1 on; `states[revision - 1]`. */
export type States = readonly Rows[];

/** The answer in a form that can be compared, and what happened. No event: nothing was written. */
export interface Step {
  readonly answer: unknown;
  readonly events: readonly ChangeEvent[];
}

/** A refusal, by etcd's string. */
export class Refusal extends Error {}

const NONE = new Uint8Array(0);

/** Runs a request on the state at `revision`. Throws Refusal. */
export function execute(
  method: 'Range' | 'Put' | 'DeleteRange' | 'Txn',
  request: object,
  revision: Revision,
  states: States,
): Step {
  const draft = new Draft(revision, states);
  const type = ({ Range: 'range', Put: 'put', DeleteRange: 'deleteRange', Txn: 'txn' } as const)[method];
  const operation = { type, request } as Operation;
  draft.check(operation);
  const answer = draft.run(operation);
  return { answer, events: draft.events() };
}

/** The answers of core/, in the same form. Inner answers have no header to compare. */
export function comparable(method: string, response: object): unknown {
  const given = response as Record<string, unknown>;
  switch (method) {
    case 'Range':
    case 'range':
      return { kvs: given['kvs'], more: given['more'], count: given['count'] };
    case 'Put':
    case 'put':
      return { prevKv: given['prevKv'] };
    case 'DeleteRange':
    case 'deleteRange':
      return { deleted: given['deleted'], prevKvs: given['prevKvs'] };
    default: {
      const responses = given['responses'] as readonly { type: string; response: object }[];
      return { succeeded: given['succeeded'], responses: responses.map((each) => comparable(each.type, each.response)) };
    }
  }
}

class Draft {
  readonly #revision: Revision;
  readonly #states: States;
  readonly #before: Rows;
  readonly #rows: Map<Key, KeyValue>;
  readonly #touched = new Set<Key>();
  /** Which branch each transaction takes: decided before anything is written. */
  readonly #taken = new Map<TxnRequest, boolean>();

  constructor(revision: Revision, states: States) {
    this.#revision = revision;
    this.#states = states;
    this.#before = states[revision - 1]!;
    this.#rows = new Map(this.#before);
  }

  events(): ChangeEvent[] {
    return [...this.#touched].flatMap((key): ChangeEvent[] => {
      const [prev, kv] = [this.#before.get(key), this.#rows.get(key)];
      if (kv) return [{ type: 'put', kv, prev }];
      return prev ? [{ type: 'delete', kv: deletion(key, this.#revision + 1), prev }] : [];
    });
  }

  check({ type, request }: Operation): void {
    if (type === 'put' && (request.ignoreValue || request.ignoreLease) && !this.#before.has(request.key)) {
      throw new Refusal('etcdserver: key not found');
    }
    if (type === 'range' && request.revision > this.#revision) {
      throw new Refusal('etcdserver: mvcc: required revision is a future revision');
    }
    if (type === 'txn') for (const operation of this.#branch(request)) this.check(operation!);
  }

  run({ type, request }: Operation): unknown {
    if (type === 'range') return this.#range(request);
    if (type === 'put') return this.#put(request);
    if (type === 'deleteRange') return this.#delete(request);
    const branch = this.#branch(request);
    return { succeeded: this.#taken.get(request)!, responses: branch.map((operation) => this.run(operation!)) };
  }

  #branch(request: TxnRequest): TxnRequest['success'] {
    const succeeded = this.#taken.get(request) ?? request.compare.every((compare) => holds(this.#before, compare));
    this.#taken.set(request, succeeded);
    return succeeded ? request.success : request.failure;
  }

  #range(request: RangeRequest): unknown {
    const rows = request.revision > 0 ? this.#states[request.revision - 1]! : this.#rows;
    const all = select(rows, request.key, request.rangeEnd);
    if (request.countOnly) return { kvs: [], more: false, count: all.length };
    const { minModRevision, maxModRevision, minCreateRevision, maxCreateRevision } = request;
    let kvs = all.filter(
      ({ modRevision, createRevision }) =>
        modRevision >= minModRevision &&
        modRevision <= (maxModRevision || Infinity) &&
        createRevision >= minCreateRevision &&
        createRevision <= (maxCreateRevision || Infinity),
    );
    if (request.sortOrder !== 'NONE') {
      const field = { KEY: 'key', VERSION: 'version', CREATE: 'createRevision', MOD: 'modRevision', VALUE: 'value' } as const;
      const by = (kv: KeyValue) => kv[field[request.sortTarget ?? 'KEY']];
      const sign = request.sortOrder === 'DESCEND' ? -1 : 1;
      kvs = kvs.sort((a, b) => sign * compareAny(by(a), by(b)));
    }
    const more = request.limit > 0 && kvs.length > request.limit;
    if (more) kvs = kvs.slice(0, request.limit);
    return { kvs: request.keysOnly ? kvs.map((kv) => ({ ...kv, value: NONE })) : kvs, more, count: all.length };
  }

  #put({ key, value, lease, prevKv, ignoreValue, ignoreLease }: PutRequest): unknown {
    const prev = this.#rows.get(key);
    const revision = this.#revision + 1;
    this.#rows.set(key, {
      key,
      value: ignoreValue ? prev!.value : value,
      createRevision: prev?.createRevision ?? revision,
      modRevision: revision,
      version: (prev?.version ?? 0) + 1,
      lease: ignoreLease ? prev!.lease : lease,
    });
    this.#touched.add(key);
    return { prevKv: prevKv ? prev : undefined };
  }

  #delete({ key, rangeEnd, prevKv }: DeleteRangeRequest): unknown {
    const found = select(this.#rows, key, rangeEnd);
    for (const each of found) {
      this.#rows.delete(each.key);
      this.#touched.add(each.key);
    }
    return { deleted: found.length, prevKvs: prevKv ? found : [] };
  }
}

export function deletion(key: Key, revision: Revision): KeyValue {
  return { key, value: NONE, createRevision: 0, modRevision: revision, version: 0, lease: 0n };
}

export function inRange(key: Key, from: Key, rangeEnd: Key): boolean {
  if (rangeEnd === '') return key === from;
  return key >= from && (rangeEnd === '\0' || key < rangeEnd);
}

function select(rows: Rows, from: Key, rangeEnd: Key): KeyValue[] {
  return [...rows.values()].filter(({ key }) => inRange(key, from, rangeEnd)).sort((a, b) => (a.key < b.key ? -1 : 1));
}

function holds(rows: Rows, compare: Compare): boolean {
  const found = select(rows, compare.key, compare.rangeEnd);
  if (found.length === 0 && compare.target === 'VALUE') return false;
  const operands = found.length > 0 ? found : [deletion(compare.key, 0)];
  return operands.every((kv) => {
    const pair = {
      VERSION: [kv.version, compare.version],
      CREATE: [kv.createRevision, compare.createRevision],
      MOD: [kv.modRevision, compare.modRevision],
      VALUE: [kv.value, compare.value],
      LEASE: [kv.lease, compare.lease],
    } as const;
    const [left, right] = pair[compare.target!];
    const sign = compareAny(left, right);
    return { EQUAL: sign === 0, NOT_EQUAL: sign !== 0, GREATER: sign > 0, LESS: sign < 0 }[compare.result!];
  });
}

function compareAny(a: string | number | bigint | Uint8Array, b: string | number | bigint | Uint8Array): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return Buffer.compare(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}
