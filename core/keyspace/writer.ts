import { awaitTurn } from './await-turn.ts';
import { encodeEntry, type Entry } from './entry.ts';
import { DuplicateRequestError, HeadStaleError, LogRefusedError, OutcomeUnknownError } from './errors.ts';
import { Fork, type Outcome } from './fork.ts';
import type { Log } from './log.ts';
import { FENCED } from './recent-requests.ts';
import type { Replica } from './replica.ts';
import type { Timing } from './timing.ts';
import type { Transaction } from './transaction.ts';
import { Turns } from './turns.ts';
import type { Committed, ReadView, Revision, TransactOptions } from './types.ts';

/** A batch is closed when it gets this long: longer ones wouldn't be cheaper, only slower. */
const BATCH = { bytesMax: 256_000, transactionsMax: 2_000 };
const RETRY_MS = { first: 10, max: 1_000 };
/** How long to try to learn what became of an append. */
const GIVE_UP_MS = 15_000;
const THAWS_MAX = 5;

export interface WriterOptions {
  readonly log: Log;
  readonly replica: Replica;
  readonly timing: Timing;
  /** Unique among all replicas there ever are of the log. */
  readonly id: string;
  /** False: put at once whatever the others do. Only the benchmark wants that. */
  readonly takeTurns: boolean;
}

interface Pending {
  readonly evaluate: (txn: Transaction) => unknown;
  readonly requestId: string | undefined;
  readonly bytesMax: number | undefined;
  readonly fence: boolean | undefined;
  readonly duplicate: ((view: ReadView, revision: Revision) => unknown) | undefined;
  readonly resolve: (committed: Committed<unknown>) => void;
  readonly reject: (error: unknown) => void;
  /** The state was synced since it was submitted: what it reads is recent enough to answer from. */
  synced: boolean;
}

interface Evaluated {
  readonly pending: Pending;
  readonly outcome: Outcome<unknown>;
}

/** What is going to be one entry. */
interface Batch {
  readonly evaluated: readonly Evaluated[];
  readonly entry: Entry;
  readonly loads: number;
  /** Its entry was seen in the log. */
  landed: boolean;
}

/** The writing half of a keyspace: runs transactions, and commits what they wrote in batches, one put at a time. */
export class Writer {
  readonly #options: WriterOptions;
  readonly #turns: Turns;
  #queue: Pending[] = [];
  #running = false;
  #batches = 0;
  #inFlight: Batch | undefined;
  readonly statistics = { commits: 0, conflicts: 0, reads: 0 };

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#turns = new Turns(options.id);
    options.replica.onApplied((entry) => {
      this.#turns.observe(entry.writer, entry.sequence, options.timing.elapsed());
      const batch = this.#inFlight;
      if (batch && entry.writer === options.id && entry.batch === batch.entry.batch) batch.landed = true;
    });
  }

  submit<T>(evaluate: (txn: Transaction) => T, options: TransactOptions<T> = {}): Promise<Committed<T>> {
    return new Promise<Committed<unknown>>((resolve, reject) => {
      const { requestId, duplicate, bytesMax, fence } = options;
      this.#queue.push({ evaluate, requestId, bytesMax, fence, duplicate, resolve, reject, synced: false });
      if (!this.#running) void this.#run();
    }) as Promise<Committed<T>>;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Everything submitted in this turn of the event loop shares the first batch.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const taken: Pending[] = [];
      try {
        await this.#awaitTurn();
        await this.#round(taken);
      } catch (error) {
        for (const pending of taken) pending.reject(error);
      }
      this.#rejectIfUnusable();
    }
    this.#running = false;
  }

  /** Evaluates what waits and sees it through one place in the log: committed, answered, or back in the queue. */
  async #round(taken: Pending[]): Promise<void> {
    const { replica } = this.#options;
    const { evaluated, fork } = this.#evaluate(taken);
    if (evaluated.length === 0) return;
    if (fork.records.length === 0) {
      const { state } = replica;
      const { sequence } = state;
      await replica.sync();
      for (const { pending } of evaluated) pending.synced = true;
      if (replica.state === state && state.sequence === sequence) evaluated.forEach(settle);
      else this.#requeue(evaluated);
      return;
    }
    const batch: Batch = { evaluated, entry: this.#entryOf(fork), loads: replica.loads, landed: false };
    this.#inFlight = batch;
    try {
      if (await this.#append(batch)) evaluated.forEach(settle);
      else this.#requeue(evaluated);
    } finally {
      this.#inFlight = undefined;
    }
  }

  /** Takes from the queue what fits into one entry, and runs it. What needs no commit is answered at once where that is right. */
  #evaluate(taken: Pending[]): { evaluated: Evaluated[]; fork: Fork } {
    const { state } = this.#options.replica;
    const fork = new Fork(state);
    const evaluated: Evaluated[] = [];
    const later: Pending[] = [];
    let count = 0;
    for (const pending of this.#queue) {
      if (fork.bytes >= BATCH.bytesMax || evaluated.length >= BATCH.transactionsMax) break;
      count++;
      const committedAt = pending.requestId === undefined ? undefined : state.requests.get(pending.requestId);
      if (committedAt !== undefined) {
        settle({ pending, outcome: duplicateOutcome(pending, state.view(), committedAt) });
        continue;
      }
      if (pending.requestId !== undefined && fork.has(pending.requestId)) {
        // The same request twice: whether it was committed is known after this batch.
        later.push(pending);
        continue;
      }
      const onStateItself = fork.records.length === 0;
      const outcome = fork.run(pending.evaluate, pending);
      if (pending.synced && onStateItself && !outcome.wrote) {
        settle({ pending, outcome });
        continue;
      }
      taken.push(pending);
      evaluated.push({ pending, outcome });
    }
    this.#queue = [...later, ...this.#queue.slice(count)];
    return { evaluated, fork };
  }

  #entryOf(fork: Fork): Entry {
    const { replica, timing, id } = this.#options;
    const { sequence, revision } = replica.state;
    return {
      sequence: sequence + 1,
      writer: id,
      batch: ++this.#batches,
      time: timing.now(),
      baseRevision: revision,
      records: fork.records,
    };
  }

  /**
   * Puts the batch at its place in the log until it is known who got that. True: we did. False: another writer, nothing of ours was
   * written. Throws if that can't be learned, or the log refused.
   *
   * An attempt that failed may have landed, or may land yet: so the same bytes are put again, at the same place, and no others.
   */
  async #append(batch: Batch): Promise<boolean> {
    const { log, replica, timing } = this.#options;
    const { entry } = batch;
    const body = encodeEntry(entry);
    const giveUpAt = timing.elapsed() + GIVE_UP_MS;
    let maybeLanded = false;
    let putting = false;
    let thaws = 0;
    for (let retryMs = RETRY_MS.first; ; retryMs = Math.min(retryMs * 2, RETRY_MS.max)) {
      try {
        // Whoever was away for long reads first, whoever failed looks what became of it.
        if (retryMs > RETRY_MS.first || !replica.headIsFresh()) await replica.sync();
        const place = placeOf(batch, replica);
        if (place === 'unseen' && maybeLanded) throw new OutcomeUnknownError(undefined);
        if (place !== 'free') return place === 'ours';
        const startedAt = timing.now();
        const sentMs = timing.elapsed();
        putting = true;
        const appended = await log.append({ sequence: entry.sequence, body }, replica.headVerifiedAt);
        this.#turns.answered(appended.won, sentMs, timing.elapsed());
        if (appended.won) {
          replica.landed(entry, body, startedAt);
          this.#turns.contact(sentMs);
          this.statistics.commits++;
          return true;
        }
        replica.ingest([{ sequence: entry.sequence, body: appended.winner }]);
        if (!batch.landed) this.statistics.conflicts++;
        return batch.landed;
      } catch (error) {
        replica.assertUsable();
        if (error instanceof OutcomeUnknownError) throw error;
        if (error instanceof LogRefusedError) throw maybeLanded ? new OutcomeUnknownError(error) : error;
        // A freeze is no reason to give up: whoever thaws looks and tries again. Unless it freezes again and again.
        const thawed = error instanceof HeadStaleError;
        if (putting && !thawed) maybeLanded = true;
        putting = false;
        if (thawed && ++thaws <= THAWS_MAX) continue;
        if (thawed || timing.elapsed() > giveUpAt) throw maybeLanded ? new OutcomeUnknownError(error) : error;
        await timing.pause(retryMs * (0.5 + timing.random() / 2));
      }
    }
  }

  #awaitTurn(): Promise<void> {
    if (!this.#options.takeTurns) return Promise.resolve();
    return awaitTurn({ ...this.#options, turns: this.#turns, onRead: () => void this.statistics.reads++ });
  }

  #requeue(evaluated: readonly Evaluated[]): void {
    this.#queue = [...evaluated.map(({ pending }) => pending), ...this.#queue];
  }

  #rejectIfUnusable(): void {
    try {
      this.#options.replica.assertUsable();
    } catch (error) {
      for (const pending of this.#queue.splice(0)) pending.reject(error);
    }
  }
}

/** Who has the batch's place in the log, as far as the replica has seen; `unseen`: it went past the place without seeing it. */
function placeOf(batch: Batch, replica: Replica): 'free' | 'ours' | 'taken' | 'unseen' {
  if (batch.landed) return 'ours';
  if (replica.loads !== batch.loads) return 'unseen';
  return replica.state.sequence < batch.entry.sequence ? 'free' : 'taken';
}

function duplicateOutcome(pending: Pending, view: ReadView, revision: Revision): Outcome<unknown> {
  try {
    if (revision === FENCED) throw new OutcomeUnknownError(undefined);
    if (!pending.duplicate) throw new DuplicateRequestError(pending.requestId!, revision);
    return { ok: true, revision, result: pending.duplicate(view, revision), wrote: false };
  } catch (error) {
    return { ok: false, error, wrote: false };
  }
}

function settle({ pending, outcome }: Evaluated): void {
  if (outcome.ok) pending.resolve({ revision: outcome.revision, result: outcome.result });
  else pending.reject(outcome.error);
}
