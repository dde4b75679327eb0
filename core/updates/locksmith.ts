import type { TxnView } from '../keyspace/types.ts';
import type { WriteContext } from '../resources/write.ts';
import { acquire, findLock, type LockAnswer, type RebootLock, release } from './reboot-lock.ts';

/**
 * locksmith's semaphore, an etcd v2 key that its clients read and compare-and-swap (https://github.com/coreos/locksmith, lock/semaphore.go).
 * Here it is a picture of the reboot lock: what a client writes is taken for what it wants, one slot more or one less.
 */
export interface Semaphore {
  readonly semaphore: number;
  readonly max: number;
  readonly holders: readonly string[];
}

export const DEFAULT_GROUP = 'default';

/** In order: locksmith searches by halves. A host that drains isn't shown: it would take the slot for another's, and never ask again. */
export function semaphoreOf({ max, holders }: RebootLock): Semaphore {
  const held = holders
    .filter(({ draining }) => !draining)
    .map(({ id }) => id)
    .sort();
  return { semaphore: max - held.length, max, holders: held };
}

export type SwapAnswer =
  | { readonly type: 'swapped'; readonly before: RebootLock; readonly after: RebootLock }
  /** Somebody else was faster: read it again. */
  | { readonly type: 'compare-failed'; readonly lock: RebootLock }
  | { readonly type: 'invalid'; readonly message: string }
  | Exclude<LockAnswer, { type: 'held' }>;

export function swap(txn: TxnView, group: string, text: string, prevIndex: number, ctx: WriteContext): SwapAnswer {
  const before = findLock(txn, group);
  if (!before) return { type: 'unknown-group' };
  if (before.revision !== prevIndex) return { type: 'compare-failed', lock: before };
  const wanted = parse(text);
  if (!wanted) return { type: 'invalid', message: 'the value is not a semaphore' };
  if (wanted.max !== before.max)
    return {
      type: 'invalid',
      message: `the number of slots is set by spec.reboots.max of the UpdateGroup ${before.group.metadata.name}`,
    };
  const { holders: held } = semaphoreOf(before);
  const added = wanted.holders.filter((id) => !held.includes(id));
  const removed = held.filter((id) => !wanted.holders.includes(id));
  if (added.length + removed.length > 1) return { type: 'invalid', message: 'one holder may come or go at a time' };
  const name = before.group.metadata.name;
  const answer = added[0] !== undefined ? acquire(txn, name, added[0], ctx) : release(txn, name, removed[0] ?? '', ctx);
  if (answer.type !== 'held') return answer;
  return { type: 'swapped', before, after: findLock(txn, name)! };
}

function parse(text: string): Semaphore | undefined {
  try {
    const { semaphore, max, holders } = JSON.parse(text) as Partial<Semaphore>;
    const names = holders ?? [];
    const valid =
      Number.isInteger(semaphore) &&
      Number.isInteger(max) &&
      Array.isArray(names) &&
      names.every((name) => typeof name === 'string' && isHolder(name));
    return valid ? { semaphore: semaphore!, max: max!, holders: names } : undefined;
  } catch {
    return undefined;
  }
}

const isHolder = (name: string): boolean => name.length > 0 && name.length <= 200;
