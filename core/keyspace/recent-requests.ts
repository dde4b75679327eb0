import { numberAt, numberStart } from './numbered-id.ts';
import { NumberedRequests } from './numbered-requests.ts';
import { Queue } from './queue.ts';
import type { Revision } from './types.ts';

/** So many of the newest request ids are remembered however old they are. */
export const REQUESTS_MIN = 16_384;
/** Beyond that, those of the last so many ms: longer than a host goes on trying, and a writer to learn what became of an append. */
export const REMEMBERED_MS = 30_000;
/** Bounds what a busy store takes for it: at 37,000 calls a second those of the last 7 s, for which a host sends a call again. */
export const REQUESTS_MAX = 262_144;

/** Stands in place of a revision: the request was answered, nothing was changed, and nothing must be changed by it any more. */
export const FENCED: Revision = 0;

/** The number of an id that has none. */
const NO_NUMBER = -1;

/** Request ids that are in the log, with the revision at which each was committed, or FENCED. The oldest are forgotten first. */
export class RecentRequests {
  readonly #texts = new Map<string, NumberedRequests>();
  /** The next id's is probably the same. */
  #last: NumberedRequests | undefined;
  /** The ids, the oldest first, in three queues: their texts, their numbers, and when they were written; undefined: a snapshot doesn't tell. */
  readonly #order = {
    texts: new Queue<NumberedRequests>(),
    numbers: new Queue<number>(),
    times: new Queue<number | undefined>(),
  };
  /** Of the first entry after the snapshot: what that holds may be as recent. */
  #firstTime: number | undefined;

  get #size(): number {
    return this.#order.texts.length;
  }

  /** `time`: by the clock of its writer, ms. */
  add(id: string, revision: Revision, time?: number): void {
    this.#firstTime ??= time;
    const at = numberStart(id);
    const ids = this.#of(id, at) ?? this.#begin(id.slice(0, at));
    const number = at < id.length ? numberAt(id, at) : NO_NUMBER;
    // None is committed twice while it is remembered.
    if (ids.get(number) !== undefined) return;
    ids.add(number, revision);
    this.#order.texts.push(ids);
    this.#order.numbers.push(number);
    this.#order.times.push(time);
    while (this.#size > REQUESTS_MIN && (this.#size > REQUESTS_MAX || !this.#isRecent(this.#order.times.first, time))) {
      this.#forgetOldest();
    }
  }

  get(id: string): Revision | undefined {
    const at = numberStart(id);
    return this.#of(id, at)?.get(at < id.length ? numberAt(id, at) : NO_NUMBER);
  }

  /** Oldest first. */
  entries(): [id: string, revision: Revision][] {
    const numbers = this.#order.numbers.from(0);
    return this.#order.texts.from(0).map((ids, index) => {
      const number = numbers[index]!;
      return [number === NO_NUMBER ? ids.text : ids.text + number, ids.get(number)!];
    });
  }

  /** `at`: where the id's number begins. */
  #of(id: string, at: number): NumberedRequests | undefined {
    const last = this.#last;
    if (last && last.text.length === at && id.startsWith(last.text)) return last;
    const ids = this.#texts.get(id.slice(0, at));
    if (ids) this.#last = ids;
    return ids;
  }

  #begin(text: string): NumberedRequests {
    const ids = new NumberedRequests(text);
    this.#texts.set(text, ids);
    this.#last = ids;
    return ids;
  }

  #forgetOldest(): void {
    const { texts, numbers, times } = this.#order;
    const ids = texts.shift()!;
    ids.forget(numbers.shift()!);
    times.shift();
    if (!ids.empty) return;
    this.#texts.delete(ids.text);
    if (this.#last === ids) this.#last = undefined;
  }

  #isRecent(written: number | undefined, now: number | undefined): boolean {
    const time = written ?? this.#firstTime;
    return time === undefined || now === undefined || now - time < REMEMBERED_MS;
  }
}
