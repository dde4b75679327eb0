import { EtcdError } from '../../core/etcd/errors.ts';
import { ENTRY_FORMAT } from '../../core/keyspace/entry.ts';
import type { LogEntry } from '../../core/keyspace/log.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import {
  type CallOutcome,
  decodeForwardedAnswer,
  encodeCalls,
  FORWARD_MAX,
  type ForwardedAnswer,
  type ForwardedCall,
} from '../../core/node/kv.ts';
import type { Schedule } from '../../core/ports/schedule.ts';
import { retryDelay } from '../uplink/jitter.ts';
import { DismissedError, UnreachableError } from './control-plane.ts';
import type { KvQuestions } from './questions.ts';

export interface ForwarderOptions {
  readonly questions: Pick<KvQuestions, 'calls' | 'cheap'>;
  /** Unique among all forwarders there ever are: from 64 random bits at least. */
  readonly id: string;
  readonly timing: Pick<Timing, 'elapsed' | 'random'>;
  readonly schedule: Schedule;
  readonly signal: AbortSignal;
  /** The last entry of the log that this host has; undefined: it doesn't want to be sent any. */
  readonly after: () => number | undefined;
  /** Entries that came with an answer, before the calls are answered; undefined: there was no answer. */
  readonly onEntries: (entries: readonly LogEntry[] | undefined) => void;
  readonly onAnswer?: (answered: boolean) => void;
}

/** What etcd gives a request, with its default election time-out, ms: then its outcome is unknown. */
export const CALL_MS = 7_000;
/** For one attempt: then it is sent again, which is harmless should it still be under way. */
const ATTEMPT_MS = 4_000;
/** Keep-alives wait that long for others to go with, ms. */
const LINGER_MS = 100;
/** Requests at the same time, where they are cheap: while one is being carried out the next is on its way. */
const AT_ONCE_MAX = 3;
/**
 * Where a request is dear: clients that were just answered mostly ask again at once. While others wait already, they are waited for until as
 * many wait as did before, but for this part of what the last request took, and for so long at most, ms.
 */
const GATHER = { part: 1 / 4, msMax: 3 };
const RETRY_MS = { first: 50, longest: 1_000 };
/** gRPC's `unavailable`: what came of the call is not known there. */
const UNAVAILABLE = 14;

/** Called once. `response`: protobuf; undefined: `error` says what is wrong (EtcdError mostly). */
type CallDone = (error: unknown, response: Uint8Array | undefined) => void;

interface CallOptions {
  /** The client's. */
  readonly token?: string;
  readonly canWait?: boolean;
}

interface Waiting {
  /** Marked once it was sent. */
  readonly call: ForwardedCall & { again: boolean };
  /** Why the control plane couldn't the last time, in its words. */
  problem?: string;
  readonly giveUpAt: number;
  readonly done: CallDone;
}

/**
 * Passes calls on to the control plane: those that come while requests are under way go together in the next one. A request whose answer
 * got lost is sent again with the same ids, so each call is carried out once, until its time is over.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  #queue: Waiting[] = [];
  #underWay = 0;
  #callsUnderWay = 0;
  #count = 0;
  /** The next request is about to be sent: at the end of this turn of the event loop, or when a wait is over. */
  #soon = false;
  /** So many calls needn't be waited for any longer. */
  #enough = Number.POSITIVE_INFINITY;
  #stopWaiting = () => {};
  #linger: (() => void) | undefined;
  #failures = 0;
  #pausing = false;
  #dismissed: DismissedError | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /**
   * `done` gets the response, or EtcdError; `timeout` says that the outcome isn't known. `canWait`: others may be waited for a moment. The
   * request's bytes must not be changed afterwards.
   */
  send(method: string, request: Uint8Array, { token = '', canWait = false }: CallOptions, done: CallDone): void {
    if (this.#dismissed || this.#options.signal.aborted) return done(EtcdError.of('stopped'), undefined);
    const call = { id: `${this.#options.id}/${++this.#count}`, method, token, request, again: false };
    this.#queue.push({ call, giveUpAt: this.#options.timing.elapsed() + CALL_MS, done });
    if (!canWait || this.#underWay > 0) {
      this.#linger?.();
      this.#linger = undefined;
      if (this.#queue.length >= this.#enough) this.#stopWaiting();
      this.#sendSoon();
    } else {
      this.#linger ??= this.#options.schedule(LINGER_MS, () => {
        this.#linger = undefined;
        this.#sendSoon();
      });
    }
  }

  /** As `send`. */
  call(method: string, request: Uint8Array, options: CallOptions = {}): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.send(method, request, options, (error, response) => {
        if (response) resolve(response);
        else reject(error);
      });
    });
  }

  /** A request is under way: `onEntries` will be called. */
  get underWay(): boolean {
    return this.#underWay > 0;
  }

  #sendSoon(): void {
    if (this.#soon || this.#pausing || this.#queue.length === 0) return;
    if (this.#underWay > 0 && !this.#options.questions.cheap()) return;
    // As Nagle's: one that is alone goes at once, many become few requests, which the control plane makes few commits.
    if (this.#underWay >= AT_ONCE_MAX || this.#queue.length < this.#callsUnderWay) return;
    this.#soon = true;
    // What has arrived on all connections by now goes together.
    setImmediate(() => this.#sendNow());
  }

  #sendNow(): void {
    this.#soon = false;
    if (this.#options.signal.aborted || this.#dismissed) return this.#stop();
    this.#dropOverdue();
    const batch = this.#take();
    if (batch.length === 0) return;
    void this.#run(batch);
    this.#sendSoon();
  }

  async #run(batch: readonly Waiting[]): Promise<void> {
    const { timing } = this.#options;
    const startedAt = timing.elapsed();
    let failed = false;
    try {
      const outcomes = await this.#send(batch);
      const again = batch.filter((waiting, index) => !settle(waiting, outcomes[index]));
      this.#queue.unshift(...again);
      failed = again.length > 0;
    } catch (error) {
      failed = true;
      if (error instanceof DismissedError) {
        this.#dismissed = error;
        this.#queue.unshift(...batch);
        return this.#stop();
      }
      if (error instanceof UnreachableError) this.#queue.unshift(...batch);
      else for (const { done } of batch) done(error, undefined);
    }
    if (this.#options.signal.aborted) return this.#stop();
    this.#failures = failed ? this.#failures + 1 : 0;
    if (failed) this.#pause();
    else if (this.#options.questions.cheap() || this.#queue.length === 0) this.#sendSoon();
    else this.#gather(batch.length + this.#queue.length, timing.elapsed() - startedAt);
  }

  /** Until so many calls wait, or it has been waited for long enough. */
  #gather(count: number, lastMs: number): void {
    if (this.#soon) return;
    this.#soon = true;
    const over = () => {
      cancel();
      this.#enough = Number.POSITIVE_INFINITY;
      this.#stopWaiting = () => {};
      this.#sendNow();
    };
    const cancel = this.#options.schedule(Math.min(lastMs * GATHER.part, GATHER.msMax), over);
    this.#enough = Math.min(count, FORWARD_MAX.calls);
    this.#stopWaiting = over;
  }

  #pause(): void {
    this.#dropOverdue();
    if (this.#pausing || this.#queue.length === 0) return;
    this.#pausing = true;
    const ms = retryDelay(this.#failures - 1, this.#options.timing.random, RETRY_MS.first, RETRY_MS.longest);
    this.#options.schedule(ms, () => {
      this.#pausing = false;
      this.#dropOverdue();
      this.#sendSoon();
    });
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { call } of this.#queue) {
      bytes += call.request.length;
      if (count > 0 && (bytes > FORWARD_MAX.bytes || count >= FORWARD_MAX.calls)) break;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #send(batch: readonly Waiting[]): Promise<readonly CallOutcome[]> {
    const { questions, after, timing, signal, onAnswer = () => {}, onEntries } = this.#options;
    const body = encodeCalls({ after: after(), calls: batch.map(({ call }) => call), reads: ENTRY_FORMAT });
    const timeLeft = batch.at(-1)!.giveUpAt - timing.elapsed();
    const timeoutMs = Math.max(1, Math.min(timeLeft, ATTEMPT_MS));
    for (const { call } of batch) call.again = true;
    this.#underWay++;
    this.#callsUnderWay += batch.length;
    let answer: ForwardedAnswer;
    try {
      answer = decodeForwardedAnswer(await questions.calls(body, { timeoutMs, signal }));
    } catch (error) {
      this.#answered(batch);
      onAnswer(!(error instanceof UnreachableError));
      onEntries(undefined);
      throw error;
    }
    this.#answered(batch);
    onAnswer(true);
    onEntries(answer.entries);
    return answer.outcomes;
  }

  #answered(batch: readonly Waiting[]): void {
    this.#underWay--;
    this.#callsUnderWay -= batch.length;
  }

  #dropOverdue(): void {
    const now = this.#options.timing.elapsed();
    if (!this.#queue.some(({ giveUpAt }) => giveUpAt <= now)) return;
    const overdue = this.#queue.filter(({ giveUpAt }) => giveUpAt <= now);
    this.#queue = this.#queue.filter(({ giveUpAt }) => giveUpAt > now);
    for (const { done, problem } of overdue) done(timeoutOf(problem), undefined);
  }

  #stop(): void {
    this.#linger?.();
    this.#linger = undefined;
    for (const { done } of this.#queue.splice(0)) done(EtcdError.of('stopped'), undefined);
  }
}

/** What came of it isn't known: an attempt whose answer got lost may have been carried out, whatever was said to another. */
function timeoutOf(problem: string | undefined): EtcdError {
  const timeout = EtcdError.of('timeout');
  if (problem === undefined || problem === timeout.message) return timeout;
  return new EtcdError(timeout.code, `${timeout.message}: ${problem.replace(/^etcdserver: /, '')}`);
}

/** False: it should be sent again. */
function settle(waiting: Waiting, outcome: CallOutcome | undefined): boolean {
  const { done } = waiting;
  if (!outcome || outcome.code === UNAVAILABLE) {
    if (outcome && 'message' in outcome) waiting.problem = outcome.message;
    return false;
  }
  if ('response' in outcome) done(undefined, outcome.response);
  else done(new EtcdError(outcome.code as EtcdError['code'], outcome.message), undefined);
  return true;
}
