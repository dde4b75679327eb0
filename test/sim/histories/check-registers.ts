import type { Key } from '../../../core/keyspace/types.ts';
import { type Call, type Finding, showCall } from './history.ts';

/**
 * Is each key by itself a linearizable register with a version? Revisions are not looked at, so that this check and checkOrder share
 * no assumption. The search is Wing and Gong's with Lowe's memory of what was tried ("Testing for linearizability", 2017).
 *
 * Looks at calls that concern one key only: Range, Put and DeleteRange without a range end, and transactions that compare its version or
 * value and then do one of these.
 */
export function checkRegisters(calls: readonly Call[], keys: Iterable<Key>): Finding[] {
  const findings: Finding[] = [];
  for (const key of keys) {
    const operations = calls.flatMap((call) => operationOn(key, call) ?? []);
    if (!linearizable(operations)) {
      const facts = operations.map(({ call }) => showCall(call)).join('\n');
      findings.push({ rule: 'a key is not a linearizable register', facts: `${key}:\n${facts}` });
    }
  }
  return findings;
}

/** Undefined: the key is not there. */
type Register = { readonly value: string; readonly version: number } | undefined;

interface RegisterOperation {
  readonly call: Call;
  /** What it leaves behind; false: it can't have gone like this from `before`. */
  readonly step: (before: Register) => Register | false;
}

const text = (value: Uint8Array) => Buffer.from(value).toString('latin1');
const seen = (kv: { value: Uint8Array; version: number } | undefined): Register =>
  kv && { value: text(kv.value), version: kv.version };
const same = (a: Register, b: Register) => a?.value === b?.value && a?.version === b?.version;
const written = (before: Register, value: Uint8Array): Register => ({ value: text(value), version: (before?.version ?? 0) + 1 });

function operationOn(key: Key, call: Call): RegisterOperation | undefined {
  const { outcome } = call;
  if (outcome.type === 'refused') return undefined;
  const ok = outcome.type === 'ok';
  switch (call.method) {
    case 'Range': {
      if (call.request.key !== key || call.request.rangeEnd !== '' || call.request.serializable || outcome.type !== 'ok')
        return undefined;
      const [kv] = (outcome.response as { kvs: readonly { value: Uint8Array; version: number }[] }).kvs;
      return { call, step: (before) => (same(before, seen(kv)) ? before : false) };
    }
    case 'Put': {
      if (call.request.key !== key) return undefined;
      return { call, step: (before) => written(before, call.request.value) };
    }
    case 'DeleteRange': {
      if (call.request.key !== key || call.request.rangeEnd !== '') return undefined;
      const deleted = ok ? (outcome.response as { deleted: number }).deleted : undefined;
      return {
        call,
        step: (before) => (deleted === undefined || (deleted === 1) === (before !== undefined) ? undefined : false),
      };
    }
    case 'Txn':
      return call.request.compare[0]?.key === key ? compareAndSet(call) : undefined;
    default:
      return undefined;
  }
}

function compareAndSet(call: Extract<Call, { method: 'Txn' }>): RegisterOperation {
  const [compare] = call.request.compare;
  const answer = call.outcome.type === 'ok' ? (call.outcome.response as { succeeded: boolean }) : undefined;
  const holds = (before: Register) =>
    compare!.target === 'VERSION' ? (before?.version ?? 0) === compare!.version : before?.value === text(compare!.value);
  return {
    call,
    step: (before) => {
      const succeeded = holds(before);
      if (answer && answer.succeeded !== succeeded) return false;
      const [operation] = succeeded ? call.request.success : call.request.failure;
      if (operation?.type === 'put') return written(before, operation.request.value);
      return operation?.type === 'deleteRange' ? undefined : before;
    },
  };
}

/** A call's begin or end, in a list from which both are taken while the call is assumed done. */
interface Node {
  readonly index: number;
  /** Of a begin: its end, or undefined if its outcome is unknown: it may be done at any time, or never. */
  readonly end: Node | undefined;
  readonly isBegin: boolean;
  previous: Node | undefined;
  next: Node | undefined;
}

function linearizable(operations: readonly RegisterOperation[]): boolean {
  const head = listOf(operations);
  let open = operations.filter(({ call }) => call.outcome.type === 'ok').length;
  const done: { node: Node; before: Register }[] = [];
  const isDone = operations.map(() => false);
  const tried = new Set<string>();
  let state: Register;
  let node = head.next;
  while (open > 0) {
    if (node?.isBegin) {
      const after = operations[node.index]!.step(state);
      if (after !== false && !isTried(node.index, after)) {
        done.push({ node, before: state });
        isDone[node.index] = true;
        if (node.end) open--;
        state = after;
        take(node);
        if (node.end) take(node.end);
        node = head.next;
        continue;
      }
      node = node.next;
      continue;
    }
    // Someone was answered before anything that could have been done by then: the last assumption was wrong.
    const last = done.pop();
    if (!last) return false;
    isDone[last.node.index] = false;
    if (last.node.end) open++;
    state = last.before;
    if (last.node.end) giveBack(last.node.end);
    giveBack(last.node);
    node = last.node.next;
  }
  return true;

  function isTried(index: number, after: Register): boolean {
    isDone[index] = true;
    const configuration = `${isDone.map(Number).join('')} ${after ? `${after.version} ${after.value}` : ''}`;
    isDone[index] = false;
    if (tried.has(configuration)) return true;
    tried.add(configuration);
    return false;
  }
}

function listOf(operations: readonly RegisterOperation[]): Node {
  const nodes: { at: number; node: Node }[] = [];
  for (const [index, { call }] of operations.entries()) {
    const none = { previous: undefined, next: undefined };
    const end: Node | undefined = call.outcome.type === 'ok' ? { index, end: undefined, isBegin: false, ...none } : undefined;
    nodes.push({ at: call.startedAt, node: { index, end, isBegin: true, ...none } });
    if (end) nodes.push({ at: call.endedAt, node: end });
  }
  nodes.sort((a, b) => a.at - b.at);
  const head: Node = { index: -1, end: undefined, isBegin: false, previous: undefined, next: undefined };
  let last = head;
  for (const { node } of nodes) {
    last.next = node;
    node.previous = last;
    last = node;
  }
  return head;
}

function take({ previous, next }: Node): void {
  previous!.next = next;
  if (next) next.previous = previous;
}

/** Undoes take(), in the opposite order of the takes. */
function giveBack(node: Node): void {
  node.previous!.next = node;
  if (node.next) node.next.previous = node;
}
