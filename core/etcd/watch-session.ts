import { Bell } from '../keyspace/bell.ts';
import { CompactedError } from '../keyspace/errors.ts';
import { AFTER_ALL_KEYS } from '../keyspace/keys.ts';
import type { Key, Revision, RevisionEvents } from '../keyspace/types.ts';
import type { Schedule } from '../ports/schedule.ts';
import { EtcdError, etcdErrorOf } from './errors.ts';
import type { WatchRequest, WatchSession } from './service.ts';
import { sizeOf } from './watch-fragments.ts';
import { WatchStream } from './watch-stream.ts';
import type { WatchAnswer, WatchCreateRequest } from './watch.ts';

/** What a session watches: a keyspace, or a host's copy of one. */
export interface WatchSource {
  /** The newest revision, of which a watch made now sees nothing. */
  sync(): Promise<{ readonly revision: Revision }>;
  /** Each revision from `since` on, in order. Throws CompactedError if that is older than what is kept. */
  watch(range: { from: Key; to: Key }, since: Revision, signal: AbortSignal): AsyncIterableIterator<RevisionEvents>;
}

export interface WatchSessionOptions {
  readonly source: WatchSource;
  readonly schedule: Schedule;
  /** Throws EtcdError if the caller may not watch that. */
  readonly admit?: (request: WatchCreateRequest) => void;
  /** After how long without events a watch with `progressNotify` is told how far it has come, ms. Default: etcd's 10 minutes. */
  readonly progressMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What an error of the source is to the client. Default: etcdErrorOf's. */
  readonly errorOf?: ((error: unknown) => unknown) | undefined;
  /** Called once, when the session is over. */
  readonly onEnd?: () => void;
}

/** All keys, not only those watched: then it is known exactly how far the watches have come. */
const EVERYTHING = { from: '', to: AFTER_ALL_KEYS };
const PROGRESS_MS = 10 * 60 * 1000;
/** Requests that wait for a client that doesn't read its answers. */
const REQUESTS_MAX = 100_000;
/** Of the past, looked at in one go. */
const CATCH_UP = { revisions: 1_000, bytes: 1_000_000 };

/**
 * A client's stream of watches over a source. Answers are made only when they are taken: a slow reader costs no memory, since its
 * watches stay where they are in the history, until that is compacted; then they are cancelled, and told why.
 */
export function openWatchSession(options: WatchSessionOptions): WatchSession {
  return new Session(options);
}

class Session implements WatchSession {
  readonly answers: AsyncIterable<WatchAnswer>;
  readonly #options: WatchSessionOptions;
  readonly #bell = new Bell();
  readonly #closed = new AbortController();
  #requests: WatchRequest[] = [];
  #overrun = false;
  #ended = false;
  #idle = false;

  constructor(options: WatchSessionOptions) {
    this.#options = options;
    this.answers = this.#run();
    options.signal?.addEventListener('abort', () => this.close(), { once: true, signal: this.#closed.signal });
    if (options.signal?.aborted) this.close();
  }

  send(request: WatchRequest): void {
    if (this.#requests.length >= REQUESTS_MAX) this.#overrun = true;
    else this.#requests.push(request);
    this.#bell.ring();
  }

  end(): void {
    this.#ended = true;
    this.#bell.ring();
  }

  close(): void {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#bell.ring();
    this.#options.onEnd?.();
  }

  async *#run(): AsyncGenerator<WatchAnswer> {
    const { progressMs = PROGRESS_MS, schedule } = this.#options;
    let cancelTimer = () => {};
    const live = new Live(this.#options.source, this.#closed.signal, () => this.#bell.ring());
    const restartTimer = () => {
      cancelTimer();
      cancelTimer = schedule(progressMs, () => {
        this.#idle = true;
        this.#bell.ring();
      });
    };
    restartTimer();
    try {
      let stream: WatchStream | undefined;
      while (!this.#closed.signal.aborted) {
        if (this.#overrun) throw EtcdError.of('tooManyRequests');
        if (this.#requests.length > 0) {
          const { revision: head } = await this.#options.source.sync();
          stream ??= new WatchStream(head);
          stream.skipTo(head);
          yield* this.#answerRequests(stream, head);
          continue;
        }
        if (stream) {
          const answers = await this.#advance(stream, live);
          const progress = stream.progress();
          if (progress) answers.push(progress);
          if (this.#idle) {
            this.#idle = false;
            answers.push(...stream.notify());
            restartTimer();
          }
          yield* answers;
          if (answers.length > 0 || live.arrived || stream.behindFrom !== undefined) continue;
        }
        if (this.#ended && !stream?.watching) return;
        await this.#bell.rung();
      }
    } catch (error) {
      const { errorOf = (each: unknown) => etcdErrorOf(each) ?? each } = this.#options;
      if (!this.#closed.signal.aborted) throw errorOf(error);
    } finally {
      cancelTimer();
      this.close();
    }
  }

  *#answerRequests(stream: WatchStream, head: Revision): Generator<WatchAnswer> {
    for (const request of this.#requests.splice(0)) {
      if (request.type === 'progress') {
        stream.requestProgress(head);
        continue;
      }
      const answer =
        request.type === 'create' ? this.#create(stream, request.request, head) : stream.cancel(request.watchId, head);
      if (answer) yield answer;
    }
  }

  #create(stream: WatchStream, request: WatchCreateRequest, head: Revision): WatchAnswer {
    try {
      this.#options.admit?.(request);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      return { watchId: request.watchId, revision: head, created: true, canceled: true, cancelReason: error.asGrpcText() };
    }
    return stream.create(request, head);
  }

  /** One look at the past for those behind, one revision for the others. */
  async #advance(stream: WatchStream, live: Live): Promise<WatchAnswer[]> {
    const answers: WatchAnswer[] = [];
    try {
      const from = stream.behindFrom;
      if (from !== undefined) answers.push(...stream.catchUp(await this.#past(from, stream.next)));
      if (!stream.watching) {
        live.stop();
        return answers;
      }
      const step = live.take(stream.next);
      if (step) answers.push(...stream.deliver(step));
    } catch (error) {
      if (!(error instanceof CompactedError)) throw error;
      live.stop();
      answers.push(...stream.compacted(error.compactRevision));
    }
    return answers;
  }

  /** Revisions `from <= r < to`, as many as one look takes. */
  async #past(from: Revision, to: Revision): Promise<RevisionEvents[]> {
    const steps: RevisionEvents[] = [];
    let bytes = 0;
    for await (const step of this.#options.source.watch(EVERYTHING, from, this.#closed.signal)) {
      steps.push(step);
      for (const event of step.events) bytes += sizeOf(event, true);
      if (step.revision + 1 >= to || steps.length >= CATCH_UP.revisions || bytes >= CATCH_UP.bytes) break;
    }
    return steps;
  }
}

type Arrival = { readonly step: RevisionEvents | undefined } | { readonly error: unknown };

/** The source's newest revisions, one at a time: the next is asked for when the one before was taken. */
class Live {
  readonly #source: WatchSource;
  readonly #signal: AbortSignal;
  readonly #onArrival: () => void;
  #steps: { readonly iterator: AsyncIterableIterator<RevisionEvents>; readonly end: AbortController } | undefined;
  #arrived: Arrival | undefined;

  constructor(source: WatchSource, signal: AbortSignal, onArrival: () => void) {
    this.#source = source;
    this.#signal = signal;
    this.#onArrival = onArrival;
  }

  get arrived(): boolean {
    return this.#arrived !== undefined;
  }

  /** The next one, if it is there: from `since` on, if this is the first. Rethrows what went wrong. */
  take(since: Revision): RevisionEvents | undefined {
    if (!this.#steps) {
      const end = new AbortController();
      this.#steps = { iterator: this.#source.watch(EVERYTHING, since, AbortSignal.any([end.signal, this.#signal])), end };
      this.#ask();
    }
    const arrived = this.#arrived;
    if (!arrived) return undefined;
    this.#arrived = undefined;
    if ('error' in arrived) throw arrived.error;
    if (arrived.step) this.#ask();
    else this.stop();
    return arrived.step;
  }

  /** The next `take` starts anew. */
  stop(): void {
    this.#steps?.end.abort();
    this.#steps = undefined;
    this.#arrived = undefined;
  }

  #ask(): void {
    const steps = this.#steps!;
    const arrive = (arrived: Arrival) => {
      if (this.#steps !== steps) return;
      this.#arrived = arrived;
      this.#onArrival();
    };
    steps.iterator.next().then(
      ({ done, value }) => arrive({ step: done ? undefined : value }),
      (error: unknown) => arrive({ error }),
    );
  }
}
