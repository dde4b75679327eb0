import { type Face, FACES } from '../../core/accounts/api.ts';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { Lanes } from '../few-at-a-time.ts';
import type { AccountsStore } from './accounts-store.ts';

/** Items of months: pk `<tenant>#requests`, sk the month, an attribute for each face that was asked. */
export const REQUESTS_PART = 'requests';

/** How long counts wait to be written: at most one write an organisation and process in this time. */
export const FLUSH_MS = 600_000;
const AT_ONCE = 8;

export type RequestsRow = Partial<Record<Face, number>>;

interface Waiting {
  readonly tenant: string;
  readonly month: string;
  /** ms since the epoch, of the oldest. */
  readonly since: number;
  readonly counts: Partial<Record<Face, number>>;
}

/** UTC, "2026-11". */
export const monthOf = (at: number): string => new Date(at).toISOString().slice(0, 7);

/**
 * Counts requests of organisations in memory, and adds them to the month's item now and then. For a bill's reader, not for a limit: what a
 * process had not written when it crashed (or Lambda let it go) is lost, and an addition whose answer was lost may count twice.
 */
export class RequestCounts {
  readonly #store: AccountsStore;
  readonly #log: Logger;
  readonly #waiting = new Map<string, Waiting>();

  constructor(store: AccountsStore, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** One more. Only for requests whose credentials were found good: nobody makes others' counts grow. */
  count(tenant: string, face: Face): void {
    const now = this.#store.clock.now();
    this.#add({ tenant, month: monthOf(now), since: now, counts: { [face]: 1 } });
  }

  #add({ tenant, month, since, counts }: Waiting): void {
    const key = `${tenant}/${month}`;
    let waiting = this.#waiting.get(key);
    if (!waiting) this.#waiting.set(key, (waiting = { tenant, month, since, counts: {} }));
    for (const face of FACES) if (counts[face]) waiting.counts[face] = (waiting.counts[face] ?? 0) + counts[face];
  }

  /** Writes what waits, or what has waited long enough. Never throws: what can't be written goes on waiting. */
  async flush(which: 'all' | 'due'): Promise<void> {
    const now = this.#store.clock.now();
    const taken = [...this.#waiting].filter(([, { since }]) => which === 'all' || now - since >= FLUSH_MS);
    if (taken.length === 0) return;
    // Gone from here before the first write: who flushes meanwhile doesn't write it, too.
    for (const [key] of taken) this.#waiting.delete(key);
    const lanes = new Lanes(AT_ONCE);
    for (const [, waiting] of taken) await lanes.add(() => this.#writeOrKeep(waiting));
    await lanes.end();
  }

  async #writeOrKeep(waiting: Waiting): Promise<void> {
    try {
      await this.#write(waiting);
    } catch (error) {
      // From now on, so that a store in trouble isn't asked at each request.
      this.#add({ ...waiting, since: this.#store.clock.now() });
      this.#log.warn('requests are not counted yet', { tenant: waiting.tenant, problem: String(error) });
    }
  }

  /** Nothing of an organisation comes back after its deletion: a month's first item is made only while the organisation is there. */
  async #write({ tenant, month, counts }: Waiting): Promise<void> {
    const items = this.#store.forTenant(tenant);
    const there = { expression: 'attribute_exists(#pk)' };
    const faces = FACES.filter((face) => counts[face]);
    const change = { expression: `ADD ${faces.map((face) => `#${face} :${face}`).join(', ')}`, values: counts };
    if ((await items.update(REQUESTS_PART, month, change, there)).ok) return;
    const gone = new TerraneError('not_found');
    try {
      await this.#store.transact([
        { write: items.check('org', 'organisation', there), refuse: () => gone },
        { write: items.change(REQUESTS_PART, month, change) },
      ]);
    } catch (error) {
      if (error !== gone) throw error;
    }
  }
}
