import type { Timing } from '../../../core/keyspace/timing.ts';
import type { VirtualTime } from '../../../core/keyspace/testing/virtual-time.ts';
import { NoAnswerError } from '../../../store/dynamo-calls.ts';
import type { Condition, Table } from '../../../store/table.ts';
import type { Item } from '../../../store/log-items.ts';
import type { SharedTable } from './shared-table.ts';

/** How often what goes wrong with a request, 0..1. */
export interface Weather {
  /** It never arrives. */
  readonly dropped: number;
  /** It is carried out, but its answer is lost. */
  readonly unanswered: number;
  /** The caller gives up; it is carried out later. */
  readonly late: number;
  /** It is carried out, and once more later. */
  readonly twice: number;
  /** The caller's process dies when its put has just been carried out. */
  readonly deadly: number;
}

export const CALM: Weather = { dropped: 0, unanswered: 0, late: 0, twice: 0, deadly: 0 };

const TIMEOUT_MS = 2_000;
const LATE_MS = 20_000;

/** A process on a machine: with a clock of its own, a network, and an end. */
export class Machine {
  readonly name: string;
  readonly #time: VirtualTime;
  readonly #table: SharedTable;
  readonly #weather: () => Weather;
  /** How much its clock is ahead, ms. */
  skewMs = 0;
  partitioned = false;
  #alive = true;
  #frozen: { readonly until: Promise<void>; readonly thaw: () => void } | undefined;
  readonly #deaths = new Set<() => void>();

  constructor(name: string, time: VirtualTime, table: SharedTable, weather: () => Weather) {
    this.name = name;
    this.#time = time;
    this.#table = table;
    this.#weather = weather;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** kill -9: nothing that it was about to do happens any more. */
  kill(): void {
    this.#alive = false;
    for (const tell of this.#deaths) tell();
  }

  /** The call's outcome, or an error once the process is dead. */
  async outlives<T>(call: Promise<T>): Promise<T> {
    let tell = () => {};
    const death = new Promise<never>((_, reject) => {
      tell = () => reject(new Error(`${this.name} died`));
      if (this.#alive) this.#deaths.add(tell);
      else tell();
    });
    death.catch(() => {});
    call.catch(() => {});
    try {
      return await Promise.race([call, death]);
    } finally {
      this.#deaths.delete(tell);
    }
  }

  freeze(): void {
    if (this.#frozen) return;
    let thaw = () => {};
    const until = new Promise<void>((resolve) => {
      thaw = resolve;
    });
    this.#frozen = { until, thaw };
  }

  thaw(): void {
    this.#frozen?.thaw();
    this.#frozen = undefined;
  }

  readonly timing: Timing = {
    now: () => this.#time.now() + this.skewMs,
    elapsed: () => this.#time.elapsed(),
    pause: async (ms) => {
      await this.#time.pause(ms);
      await this.#running();
    },
    random: () => this.#time.random(),
  };

  readonly table: Table = {
    get: (pk, sk) => this.#call(() => this.#table.get(pk, sk)),
    query: (pk, from, to) => this.#call(() => this.#table.query(pk, from, to)),
    put: (item) => this.#call(() => this.#table.put(item)),
    putIf: (item, condition, beforeSend) => this.#putIf(item, condition, beforeSend),
    deleteAll: async (keys) => {
      for (const { pk, sk } of keys) await this.#call(() => this.#table.delete(pk, sk));
    },
  };

  async #putIf(item: Item, condition: Condition, beforeSend: (() => void) | undefined): Promise<Item | undefined> {
    // Signing takes a turn of the event loop, in which a process may freeze: what is signed is old then.
    const signedAt = this.timing.now();
    await this.#running();
    beforeSend?.();
    return this.#call(() => {
      const there = this.#table.putIf(item, condition);
      if (!there && this.#time.random() < this.#weather().deadly) this.kill();
      return there;
    }, signedAt);
  }

  /**
   * A request to another machine, which carries it out, at once, late or never. TCP and TLS double nothing: whoever sends again does it
   * itself. What `carryOut` throws is an answer, too.
   */
  async request<T>(carryOut: () => Promise<T>): Promise<T> {
    const weather = () => ({ ...this.#weather(), twice: 0 });
    const carryOutOnce = () => {
      const carriedOut = carryOut();
      // Mostly nobody waits for it any more.
      carriedOut.catch(() => {});
      return { carriedOut };
    };
    const answer = await this.#call(carryOutOnce, this.timing.now(), weather());
    const carriedOut = await Promise.race([answer.carriedOut, this.#time.pause(TIMEOUT_MS).then(() => undefined)]);
    if (carriedOut === undefined || this.partitioned) return this.#noAnswer();
    await this.#running();
    return carriedOut;
  }

  /** Something is told to this machine, unless it can't be reached. */
  async told(action: () => void): Promise<void> {
    await this.#travel();
    if (this.partitioned) return;
    await this.#running();
    action();
  }

  async #call<T>(carryOut: () => T, signedAt = this.timing.now(), weather = this.#weather()): Promise<T> {
    await this.#running();
    const fate = this.#time.random();
    const arrive = () => {
      this.#table.assertSigned(signedAt);
      return carryOut();
    };
    const later = (ms: number) =>
      void this.#time.pause(ms).then(() => {
        try {
          arrive();
        } catch {
          // Nobody is there to hear of it.
        }
      });
    await this.#travel();
    if (this.partitioned || fate < weather.dropped) return this.#noAnswer();
    if (fate < weather.dropped + weather.late) {
      later(TIMEOUT_MS + LATE_MS * this.#time.random());
      return this.#noAnswer();
    }
    const answer = arrive();
    if (fate < weather.dropped + weather.late + weather.twice) later(LATE_MS * this.#time.random());
    await this.#travel();
    if (this.partitioned || fate > 1 - weather.unanswered) return this.#noAnswer();
    await this.#running();
    return answer;
  }

  async #noAnswer(): Promise<never> {
    await this.#time.pause(TIMEOUT_MS);
    await this.#running();
    throw new NoAnswerError('no answer from the store');
  }

  #travel(): Promise<void> {
    return this.#time.pause(1 + 4 * this.#time.random());
  }

  /** Resolves when the process may go on: at once, when it thaws, or never. */
  async #running(): Promise<void> {
    while (this.#frozen) await this.#frozen.until;
    if (!this.#alive) await new Promise(() => {});
  }
}
