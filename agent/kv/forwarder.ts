import { EtcdError } from '../../core/etcd/errors.ts';
import type { LogEntry } from '../../core/keyspace/log.ts';
import {
  type CallOutcome,
  decodeForwardedAnswer,
  encodeCalls,
  FORWARD_MAX,
  type ForwardedCall,
  KV_PATH,
} from '../../core/node/kv.ts';
import { setImmediate as eventLoopTurn } from 'node:timers/promises';
import { abortableDelay } from '../abortable-delay.ts';
import { retryDelay } from '../uplink/jitter.ts';
import type { BytesClient } from '../uplink/signed-client.ts';
import { ask, DismissedError, UnreachableError } from './control-plane.ts';

export interface ForwarderOptions {
  readonly client: BytesClient;
  /** Unique among all forwarders there ever are: from 64 random bits at least. */
  readonly id: string;
  readonly elapsed: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** The last entry of the log that this host has; undefined: it doesn't want to be sent any. */
  readonly after: () => number | undefined;
  /** Entries that came with an answer, before the calls are answered; after an attempt that failed: none. */
  readonly onEntries: (entries: readonly LogEntry[]) => void;
  readonly onAnswer?: (answered: boolean) => void;
}

/** What etcd gives a request, with its default election time-out, ms: then its outcome is unknown. */
const CALL_MS = 7_000;
/** For one attempt: then it is sent again, which is harmless should it still be under way. */
const ATTEMPT_MS = 4_000;
/** Keep-alives wait that long for others to go with, ms. */
const LINGER_MS = 100;
/**
 * Clients that were just answered mostly ask again at once. While others wait already, they are waited for until as many wait as did
 * before, but for this part of what the last request took, and for so long at most, ms.
 */
const GATHER = { part: 1 / 4, msMax: 3 };
const RETRY_MS = { first: 50, longest: 1_000 };
/** gRPC's `unavailable`: what came of the call is not known there. */
const UNAVAILABLE = 14;

interface Waiting {
  readonly call: ForwardedCall;
  readonly giveUpAt: number;
  readonly resolve: (response: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Passes calls on to the control plane: those that come while a request is under way go together in the next one. A request whose answer
 * got lost is sent again with the same ids, so each call is carried out once, until its time is over.
 */
export class Forwarder {
  readonly #options: ForwarderOptions;
  #queue: Waiting[] = [];
  #sending = false;
  #underWay = false;
  #count = 0;
  #linger: NodeJS.Timeout | undefined;
  /** Looks whether enough calls wait. */
  #onCall = () => {};
  #dismissed: DismissedError | undefined;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /**
   * Resolves with the response (protobuf). Throws EtcdError; `timeout` says that the outcome isn't known. `canWait`: others may be waited
   * for a moment.
   */
  call(method: string, request: Uint8Array, { token = '', canWait = false } = {}): Promise<Uint8Array> {
    if (this.#dismissed || this.#options.signal.aborted) return Promise.reject(EtcdError.of('stopped'));
    return new Promise((resolve, reject) => {
      const call = { id: `${this.#options.id}/${++this.#count}`, method, token, request };
      this.#queue.push({ call, giveUpAt: this.#options.elapsed() + CALL_MS, resolve, reject });
      if (this.#sending) return this.#onCall();
      if (!canWait) return this.#begin();
      this.#linger ??= setTimeout(() => this.#begin(), LINGER_MS);
    });
  }

  /** A request is under way: `onEntries` will be called. */
  get underWay(): boolean {
    return this.#underWay;
  }

  #begin(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    if (!this.#sending && this.#queue.length > 0) void this.#run();
  }

  async #run(): Promise<void> {
    this.#sending = true;
    for (let failures = 0; this.#queue.length > 0 && !this.#options.signal.aborted; ) {
      // What has arrived on all connections by now goes together.
      await eventLoopTurn();
      const batch = this.#take();
      try {
        const startedAt = this.#options.elapsed();
        const outcomes = await this.#send(batch);
        const tookMs = this.#options.elapsed() - startedAt;
        const again = batch.filter((waiting, index) => !settle(waiting, outcomes[index]));
        this.#queue.unshift(...again);
        failures = again.length > 0 ? failures + 1 : 0;
        if (failures === 0 && this.#queue.length > 0) await this.#gather(batch.length + this.#queue.length, tookMs);
      } catch (error) {
        if (error instanceof DismissedError) {
          this.#dismissed = error;
          this.#queue.unshift(...batch);
          this.#stop();
          break;
        }
        if (error instanceof UnreachableError) this.#queue.unshift(...batch);
        else for (const { reject } of batch) reject(error);
        failures++;
      }
      this.#dropOverdue();
      if (failures > 0 && this.#queue.length > 0) {
        const pause = retryDelay(failures - 1, this.#options.random, RETRY_MS.first, RETRY_MS.longest);
        await abortableDelay(pause, this.#options.signal);
      }
    }
    this.#sending = false;
    if (this.#options.signal.aborted) this.#stop();
  }

  /** Resolves when so many calls wait, or it has been waited for long enough. */
  async #gather(count: number, lastMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(lastMs * GATHER.part, GATHER.msMax));
      this.#onCall = () => {
        if (this.#queue.length < Math.min(count, FORWARD_MAX.calls)) return;
        clearTimeout(timer);
        resolve();
      };
    });
    this.#onCall = () => {};
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
    const { client, after, elapsed, signal, onAnswer = () => {} } = this.#options;
    const body = encodeCalls({ after: after(), calls: batch.map(({ call }) => call) });
    const timeLeft = Math.max(...batch.map(({ giveUpAt }) => giveUpAt)) - elapsed();
    const timeoutMs = Math.max(1, Math.min(timeLeft, ATTEMPT_MS));
    this.#underWay = true;
    try {
      const answer = decodeForwardedAnswer(
        await ask(client, { method: 'POST', path: `${KV_PATH}/calls`, body, timeoutMs, signal }),
      );
      this.#underWay = false;
      onAnswer(true);
      this.#options.onEntries(answer.entries);
      return answer.outcomes;
    } catch (error) {
      this.#underWay = false;
      onAnswer(!(error instanceof UnreachableError));
      this.#options.onEntries([]);
      throw error;
    }
  }

  #dropOverdue(): void {
    const now = this.#options.elapsed();
    const overdue = this.#queue.filter(({ giveUpAt }) => giveUpAt <= now);
    this.#queue = this.#queue.filter(({ giveUpAt }) => giveUpAt > now);
    for (const { reject } of overdue) reject(EtcdError.of('timeout'));
  }

  #stop(): void {
    clearTimeout(this.#linger);
    for (const { reject } of this.#queue.splice(0)) reject(EtcdError.of('stopped'));
  }
}

/** False: it should be sent again. */
function settle({ resolve, reject }: Waiting, outcome: CallOutcome | undefined): boolean {
  if (!outcome || outcome.code === UNAVAILABLE) return false;
  if ('response' in outcome) resolve(outcome.response);
  else reject(new EtcdError(outcome.code as EtcdError['code'], outcome.message));
  return true;
}
