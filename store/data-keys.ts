import { withCauses } from '../core/logging/with-causes.ts';
import type { Clock } from '../core/ports/clock.ts';
import type { KeyEncryption } from '../core/ports/key-encryption.ts';
import type { Logger } from '../core/ports/logger.ts';
import { type DataKey, type DataKeys, keyGone, type KeyRing } from '../core/secrets/data-key.ts';
import type { Table } from './table.ts';

export interface DataKeysOptions {
  /** The tenant table. */
  readonly table: Table;
  readonly encryption: KeyEncryption;
  readonly clock: Clock;
  readonly log: Logger;
  /** Whose keys stay in memory, the least recently used being forgotten. Default 1,000 organisations. */
  readonly tenantsMax?: number;
}

/** A ring is read again when it is older: so long a new key may be unknown to a process, and a deleted one known. */
export const RING_MS = 5 * 60_000;
/** Unwrapped keys are forgotten after this, so that whoever takes the right to unwrap away is heeded. */
export const UNWRAPPED_MS = 60 * 60_000;
/** A key is used this long after it was made, when every process has read it. The first one at once: there is no ring to be old. */
export const USED_AFTER_MS = 2 * RING_MS;
/** Then the next key is made. What the older ones encrypted stays readable, and moves to the newest with its next write. */
export const ROTATED_AFTER_MS = 365 * 86_400_000;

/** Part of the tenant table with an organisation's wrapped keys: sk = id, zero padded. Goes with the organisation. */
export const DATA_KEYS_PART = 'datakeys';

interface Held extends DataKey {
  readonly createdAt: number;
  readonly unwrappedAt: number;
}

interface Ring extends KeyRing {
  readonly readAt: number;
  readonly keys: ReadonlyMap<number, Held>;
}

/** Organisations' data keys: wrapped in the tenant table, unwrapped in memory within bounds (docs/decisions/0005). */
export function openDataKeys(options: DataKeysOptions): DataKeys {
  const { table, encryption, clock, log, tenantsMax = 1_000 } = options;
  /** The least recently used first. */
  const rings = new Map<string, Ring>();
  const reading = new Map<string, Promise<Ring>>();

  const pkOf = (tenant: string) => `${tenant}#${DATA_KEYS_PART}`;

  function ringOf(keys: ReadonlyMap<number, Held>, readAt: number): Ring {
    return {
      keys,
      readAt,
      get: (id) => keys.get(id),
      get current() {
        const usable = [...keys.values()].filter(({ id, createdAt }) => id === 1 || createdAt + USED_AFTER_MS <= clock.now());
        return usable.at(-1);
      },
    };
  }
  const none = ringOf(new Map(), 0);

  function fresh(tenant: string): Ring | undefined {
    const ring = rings.get(tenant);
    const now = clock.now();
    if (!ring || ring.keys.size === 0 || now - ring.readAt >= RING_MS || now < ring.readAt) return undefined;
    return ring;
  }

  /** One at a time for each organisation: a burst of requests asks the key service once. */
  function read(tenant: string): Promise<Ring> {
    let running = reading.get(tenant);
    if (!running) {
      running = readNow(tenant).finally(() => reading.delete(tenant));
      reading.set(tenant, running);
    }
    return running;
  }

  async function readNow(tenant: string): Promise<Ring> {
    const now = clock.now();
    const before = rings.get(tenant)?.keys;
    const { items } = await table.query(pkOf(tenant), '0', ':');
    const keys = new Map<number, Held>();
    for (const item of items) {
      const id = Number(item['sk']!.S);
      const createdAt = Number(item['at']!.N);
      const known = before?.get(id);
      // An organisation's key is never replaced by another one of the same number.
      const held = known && known.createdAt === createdAt && now - known.unwrappedAt < UNWRAPPED_MS ? known : undefined;
      keys.set(id, held ?? { id, createdAt, unwrappedAt: now, bytes: await encryption.unwrap(tenant, item['key']!.B!) });
    }
    const ring = ringOf(keys, now);
    remember(tenant, ring);
    return ring;
  }

  function remember(tenant: string, ring: Ring): void {
    rings.delete(tenant);
    rings.set(tenant, ring);
    if (rings.size > tenantsMax) rings.delete(rings.keys().next().value!);
  }

  /** Makes key `id`, unless somebody else just did. */
  async function make(tenant: string, id: number): Promise<void> {
    const { plain, wrapped } = await encryption.generate(tenant);
    plain.fill(0);
    const item = {
      pk: { S: pkOf(tenant) },
      sk: { S: String(id).padStart(9, '0') },
      key: { B: wrapped },
      at: { N: String(clock.now()) },
    };
    const there = await table.putIf(item, { expression: 'attribute_not_exists(pk)' });
    if (!there) log.info('a data key was made', { tenant, key: id });
  }

  /** A key that has served its time is followed by the next. Not being able to is no reason to refuse a write. */
  async function rotate(tenant: string, ring: Ring): Promise<void> {
    const newest = [...ring.keys.values()].at(-1)!;
    if (clock.now() - newest.createdAt < ROTATED_AFTER_MS) return;
    try {
      await make(tenant, newest.id + 1);
      await read(tenant);
    } catch (error) {
      log.error('the next data key could not be made', { tenant, problem: withCauses(error) });
    }
  }

  return {
    ring(tenant) {
      const ring = rings.get(tenant);
      if (!ring) return none;
      // Old enough for its keys to be asked for again, whoever forgot to.
      return clock.now() - ring.readAt < UNWRAPPED_MS ? ring : none;
    },
    async load(tenant, { id, create = false } = {}) {
      let ring = fresh(tenant);
      if (!ring || (id !== undefined && !ring.get(id))) ring = await read(tenant);
      else remember(tenant, ring);
      if (id !== undefined && !ring.get(id)) throw keyGone(id);
      if (!create) return;
      if (ring.keys.size === 0) {
        await make(tenant, 1);
        ring = await read(tenant);
      } else {
        await rotate(tenant, ring);
      }
      if (!ring.current) throw keyGone(undefined);
    },
  };
}
