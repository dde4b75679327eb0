import { decodeEntry, type Entry } from '../../../core/keyspace/entry.ts';
import { KeyspaceState } from '../../../core/keyspace/state.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';
import type { Item } from '../../../store/log-items.ts';
import { unpack } from '../../../store/packed.ts';
import { eventsSince } from '../../../core/keyspace/testing/events-since.ts';
import type { Condition, Page } from '../../../store/table.ts';

/** DynamoDB rejects what was signed longer ago, or in the future by more, ms. */
const SIGNATURE_MS = 15 * 60_000;

/** DynamoDB as far as a keyspace uses it, without a network. It keeps a tape of every entry that was ever accepted. */
export class SharedTable {
  readonly #now: () => number;
  readonly #partitions = new Map<string, Map<string, Item>>();
  readonly #tape: Entry[] = [];
  /** Told of each entry that was accepted, as the table's stream is. */
  onEntry: (sequence: number, body: Uint8Array) => void = () => {};

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Throws what DynamoDB answers if the request was signed at a wrong time. */
  assertSigned(at: number): void {
    if (Math.abs(this.#now() - at) <= SIGNATURE_MS) return;
    const error = new Error('Signature expired');
    error.name = 'InvalidSignatureException';
    throw error;
  }

  get(pk: string, sk: string): Item | undefined {
    return this.#partitions.get(pk)?.get(sk);
  }

  query(pk: string, from: string, to: string): Page {
    const items = [...(this.#partitions.get(pk)?.entries() ?? [])].filter(([sk]) => sk >= from && sk < to);
    return { items: items.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, item]) => item), next: undefined };
  }

  put(item: Item): void {
    const [pk, sk] = [item['pk']!.S!, item['sk']!.S!];
    const partition = this.#partitions.get(pk) ?? new Map<string, Item>();
    this.#partitions.set(pk, partition.set(sk, item));
    if (!pk.includes('#log#')) return;
    const body = unpack(item['b']!.B!, 'the tape');
    this.#tape.push(decodeEntry(Number(sk), body));
    this.onEntry(Number(sk), body);
  }

  /** Knows the two conditions that logs and snapshots have. */
  putIf(item: Item, { values }: Condition): Item | undefined {
    const there = this.get(item['pk']!.S!, item['sk']!.S!);
    const maySupersede = values && there && Number(there['seq']!.N) < Number(values[':seq']!.N);
    if (there && !maySupersede) return there;
    this.put(item);
    return undefined;
  }

  delete(pk: string, sk: string): void {
    this.#partitions.get(pk)?.delete(sk);
  }

  /** How many entries are still there, of all that ever were. */
  get kept(): { entries: number; of: number } {
    const logs = [...this.#partitions].filter(([pk]) => pk.includes('#log#'));
    return { entries: logs.reduce((sum, [, items]) => sum + items.size, 0), of: this.#tape.length };
  }

  /** All that was ever committed, in order; nothing is forgotten by compactions. Throws if history was forked. */
  replay(): { log: readonly RevisionEvents[]; state: KeyspaceState } {
    const state = new KeyspaceState();
    for (const entry of this.#tape) {
      if (entry.sequence !== state.sequence + 1) {
        throw new ForkError(`entry ${entry.sequence} of ${entry.writer} was accepted after entry ${state.sequence}`);
      }
      const records = entry.records.map(({ requestId, operations }) => {
        return { requestId, operations: operations.filter(({ type }) => type !== 'compact') };
      });
      state.apply({ ...entry, records });
    }
    return { log: eventsSince(state, 2), state };
  }
}

/** An entry was written in a place that had been taken and trimmed. */
export class ForkError extends Error {
  override readonly name = 'ForkError';
}
