import { RETENTION_MS } from '../core/keyspace/log.ts';
import { type LogKeys, POINTER, sequenceKey } from './log-keys.ts';
import { pointerOf } from './log-snapshots.ts';
import type { Item } from './log-items.ts';
import type { Table } from './table.ts';

/** Whoever began to load a snapshot has that long before its parts go, ms. */
const OLD_SNAPSHOT_MS = 60 * 60 * 1000;
/** Deleted in one go at most: the next snapshot goes on. */
const DELETIONS_MAX = 5_000;

/**
 * Deletes entries that the newest snapshot covers and that are older than RETENTION_MS, oldest first; then what only they
 * needed. The entry at which the snapshot was taken always stays: it is the proof that nothing behind it was trimmed.
 */
export async function trimLog(table: Table, keys: LogKeys, now: number): Promise<void> {
  const pointer = await pointerOf(table, keys);
  if (!pointer) return;
  const covered = sequenceKey(pointer.sequence);
  const entries = await olderThan(table, keys.log, covered, now - RETENTION_MS);
  await table.deleteAll(entries);
  const last = entries.at(-1);
  if (last) await table.deleteAll(await olderThan(table, keys.chunks, `${last.sk}$`, now - RETENTION_MS));
  await table.deleteAll(await olderThan(table, keys.snapshots, covered, now - OLD_SNAPSHOT_MS));
}

/** Keys of the items below `to`, from the first on, as long as they are older than `time`. */
async function olderThan(table: Table, pk: string, to: string, time: number): Promise<{ pk: string; sk: string }[]> {
  const found: { pk: string; sk: string }[] = [];
  let next: Item | undefined;
  do {
    const page = await table.query(pk, '0', to < POINTER ? to : POINTER, { next, attributes: ['sk', 'at'] });
    for (const item of page.items) {
      if (Number(item['at']!.N) >= time || found.length >= DELETIONS_MAX) return found;
      found.push({ pk, sk: item['sk']!.S! });
    }
    next = page.next;
  } while (next);
  return found;
}
