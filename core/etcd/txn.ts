import { CompactedError, FutureRevisionError } from '../keyspace/errors.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import { checkTxn } from './check-txn.ts';
import { holds } from './compare.ts';
import { deleteRange } from './delete-range.ts';
import { applyPut, checkPutOn } from './put.ts';
import { range } from './range.ts';
import type { Reader } from './reader.ts';
import type { Operation, RangeRequest, TxnRequest } from './requests.ts';
import type { OperationResponse, TxnResponse } from './responses.ts';

/** A transaction whose comparisons are decided: the branch that runs, and so on for those nested in it. */
interface Decided {
  readonly succeeded: boolean;
  readonly operations: readonly Step[];
}

type Step = Exclude<Operation, { type: 'txn' }> | { readonly type: 'txn'; readonly request: Decided };

/** True if no branch, at any depth, could write: then a Reader is enough, and nothing will be committed. */
export function isReadOnly({ success, failure }: TxnRequest): boolean {
  return [...success, ...failure].every(
    (operation) => !operation || operation.type === 'range' || (operation.type === 'txn' && isReadOnly(operation.request)),
  );
}

/** True if it may be answered from memory: read-only, and each of its ranges (at least one) says so. */
export function isSerializable({ success, failure }: TxnRequest): boolean {
  const operations = [...success, ...failure];
  return operations.length > 0 && operations.every((operation) => operation?.type === 'range' && operation.request.serializable);
}

/**
 * Runs a transaction. All comparisons, nested ones too, see the state before it; then everything that may go wrong is checked, and
 * only then the operations run, each seeing what those before it wrote. If it throws, nothing was written.
 */
export function transact(txn: Transaction, request: TxnRequest): TxnResponse {
  checkTxn(request);
  const decided = decide(txn, request);
  for (const step of flatten(decided)) if (step.type === 'put') checkPutOn(txn, step.request);
  checkRanges(txn, decided);
  const run = new Run(txn, txn);
  const responses = run.all(decided.operations);
  return { revision: run.revision, succeeded: decided.succeeded, responses };
}

/** As `transact`, for a transaction that is read-only. */
export function readTransaction(reader: Reader, request: TxnRequest): TxnResponse {
  checkTxn(request);
  const decided = decide(reader, request);
  checkRanges(reader, decided);
  const run = new Run(reader, undefined);
  const responses = run.all(decided.operations);
  return { revision: run.revision, succeeded: decided.succeeded, responses };
}

function decide(reader: Reader, { compare, success, failure }: TxnRequest): Decided {
  const succeeded = compare.every((each) => holds(reader, each));
  const operations = (succeeded ? success : failure).map((operation): Step => {
    const { type, request } = operation!;
    return type === 'txn' ? { type, request: decide(reader, request) } : (operation as Step);
  });
  return { succeeded, operations };
}

function* flatten({ operations }: Decided): Generator<Exclude<Operation, { type: 'txn' }>> {
  for (const step of operations) {
    if (step.type === 'txn') yield* flatten(step.request);
    else yield step;
  }
}

function checkRanges(reader: Reader, decided: Decided): void {
  for (const step of flatten(decided)) if (step.type === 'range') checkRevision(reader, step.request);
}

function checkRevision({ revision, compactRevision }: Reader, request: RangeRequest): void {
  if (request.revision === 0) return;
  if (request.revision > revision) throw new FutureRevisionError(request.revision, revision);
  // Never compacted is -1 to etcd, which here, other than in a plain range, takes negative revisions at their word.
  if (request.revision < (compactRevision || -1)) throw new CompactedError(compactRevision);
}

/** One pass over the operations of a transaction. */
class Run {
  readonly #reader: Reader;
  readonly #txn: Transaction | undefined;
  #changed = false;

  constructor(reader: Reader, txn: Transaction | undefined) {
    this.#reader = reader;
    this.#txn = txn;
  }

  /** The store's, with what was written so far. */
  get revision(): number {
    return this.#reader.revision + (this.#changed ? 1 : 0);
  }

  all(steps: readonly Step[]): OperationResponse[] {
    return steps.map((step) => this.#one(step));
  }

  #one(step: Step): OperationResponse {
    switch (step.type) {
      case 'range':
        return { type: 'range', response: range(this.#reader, step.request, this.revision) };
      case 'put': {
        const response = applyPut(this.#txn!, step.request);
        this.#changed = true;
        return { type: 'put', response };
      }
      case 'deleteRange': {
        const response = deleteRange(this.#txn!, step.request, this.#changed);
        this.#changed ||= response.deleted > 0;
        return { type: 'deleteRange', response };
      }
      case 'txn': {
        const { succeeded, operations } = step.request;
        return { type: 'txn', response: { revision: 0, succeeded, responses: this.all(operations) } };
      }
    }
  }
}
