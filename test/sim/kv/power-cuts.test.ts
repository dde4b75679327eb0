import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { AFTER_ALL_KEYS } from '../../../core/keyspace/keys.ts';
import { RETENTION_MS } from '../../../core/keyspace/log.ts';
import { type OpenKeyspace, openKeyspace } from '../../../core/keyspace/open.ts';
import type { Timing } from '../../../core/keyspace/timing.ts';
import { fileLog } from '../../../store/log-files/file-log.ts';
import { logFiles } from '../../../store/log-files/log-files.ts';
import type { Table } from '../../../store/table.ts';
import { Random } from '../histories/random.ts';
import { SharedTable } from './shared-table.ts';

/**
 * The embedded server's log in files, on real files, over power cuts: of what was being written when the power went each sector is on the disk or
 * isn't; of what was acknowledged all is. The table that has the snapshots may have lost its last writes' answers.
 */
const SEEDS = 12;
const LIVES = 6;
const SECTOR = 512;
const KEYS = 12;
/** A limit on hanging, not an expectation of speed. */
const LIMIT_MS = 300_000;

/** The machine's power is off. */
class PowerCutError extends Error {
  override readonly name = 'PowerCutError';
}

/** The table as one process sees it, that can make so many writes: those of a snapshot may break off at any. */
function tableOf(shared: SharedTable, power: { isOff: boolean; writes: number }): Table {
  const on = <T>(action: () => T): Promise<T> =>
    power.isOff ? Promise.reject(new PowerCutError('the power is off')) : Promise.resolve(action());
  const write = <T>(action: () => T): Promise<T> =>
    power.writes-- > 0 ? on(action) : Promise.reject(new PowerCutError('no write reaches the table'));
  return {
    get: (pk, sk) => on(() => shared.get(pk, sk)),
    query: (pk, from, to) => on(() => shared.query(pk, from, to)),
    put: (item) => write(() => shared.put(item)),
    putIf: (item, condition) => write(() => shared.putIf(item, condition)),
    deleteAll: (keys) => write(() => keys.forEach(({ pk, sk }) => shared.delete(pk, sk))),
  };
}

class Story {
  readonly #random: Random;
  readonly #seed: number;
  readonly #directory = mkdtempSync(join(tmpdir(), 'terrane-power-'));
  readonly #shared = new SharedTable(() => this.#now);
  #now = 1_764_000_000_000;
  /** What was acknowledged, at each key. */
  #kept = new Map<string, string>();
  #values = 0;
  #requests = 0;
  readonly counts = { undone: 0, kept: 0, snapshots: 0, files: 0, trimmed: 0 };

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new Random(seed);
  }

  async tell(): Promise<void> {
    try {
      for (let life = 0; life < LIVES; life++) await this.#live(life);
    } finally {
      rmSync(this.#directory, { recursive: true });
    }
  }

  async #live(life: number): Promise<void> {
    const random = this.#random;
    // The first one tells the table that there are files.
    const writes = life > 0 && random.chance(0.4) ? random.below(8) : Number.POSITIVE_INFINITY;
    const power = { isOff: false, writes };
    const table = tableOf(this.#shared, power);
    const timing: Timing = {
      now: () => this.#now,
      elapsed: () => performance.now(),
      random: () => random.next(),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
    };
    const files = logFiles(join(this.#directory, 'logs'), { segmentBytes: 3_000 });
    const log = fileLog({ table, tenant: 't', keyspace: 'c/kv', clock: timing, files: files.of('t', 'c', 'kv') });
    const keyspace = await openKeyspace(log, { writerId: `life${life}`, timing, snapshotAfterBytes: 6_000 });
    this.#compare(keyspace, life);
    for (let n = 5 + random.below(40); n > 0; n--) {
      await this.#change(keyspace);
      if (random.chance(0.05)) this.#now += random.below(2 * RETENTION_MS);
    }
    await keyspace.settled().catch(() => {});
    this.counts.snapshots += (await log.snapshotSequence().catch(() => 0)) > 0 ? 1 : 0;
    // The last write: the power goes before it is acknowledged.
    const before = this.#contents();
    const acknowledged = new Map(this.#kept);
    await this.#change(keyspace);
    power.isOff = true;
    await keyspace.close().catch(() => {});
    await files.close();
    this.#cut(before);
    this.counts.files = Math.max(this.counts.files, before.size);
    this.counts.trimmed += before.size > 0 && !before.has('0000000000000001.log') ? 1 : 0;
    const [with_, without] = [this.#kept, acknowledged];
    this.#kept = (await this.#isThere(with_)) ? with_ : without;
    this.counts[this.#kept === with_ ? 'kept' : 'undone']++;
  }

  /** One transaction, which is acknowledged. */
  async #change(keyspace: OpenKeyspace): Promise<void> {
    const random = this.#random;
    const changes = Array.from({ length: 1 + random.below(3) }, () => {
      const key = `k/${random.below(KEYS)}`;
      return random.chance(0.15) ? { key } : { key, value: `${++this.#values}`.padEnd(1 + random.below(900), '.') };
    });
    const requestId = random.chance(0.5) ? { requestId: `r/${++this.#requests}` } : {};
    await keyspace.transact((txn) => {
      for (const { key, value } of changes) {
        if (value === undefined) txn.delete(key);
        else txn.put(key, Buffer.from(value));
      }
    }, requestId);
    for (const { key, value } of changes) {
      if (value === undefined) this.#kept.delete(key);
      else this.#kept.set(key, value);
    }
  }

  /** The files of the log by name, as they are on the disk. */
  #contents(): Map<string, Buffer> {
    const directory = join(this.#directory, 'logs', 't.c', 'kv');
    const names = readdirSync(directory).sort();
    return new Map(names.map((name) => [name, readFileSync(join(directory, name))]));
  }

  /** Of what was written since, some sectors didn't reach the disk, or the file didn't even get longer. */
  #cut(before: ReadonlyMap<string, Buffer>): void {
    for (const [name, now] of this.#contents()) {
      const was = before.get(name);
      // A file's beginning is synced before anything is written behind it.
      if (!was) continue;
      if (this.#random.chance(0.2)) continue;
      const length = this.#random.chance(0.5) ? now.length : Math.min(now.length, was.length);
      const cut = Buffer.from(now.subarray(0, length));
      for (let at = 0; at < length; at += SECTOR) {
        const end = Math.min(length, at + SECTOR);
        if (now.subarray(at, end).equals(was.subarray(at, end)) || this.#random.chance(0.5)) continue;
        cut.fill(0, at, end);
        was.copy(cut, at, at, Math.min(end, was.length));
      }
      writeFileSync(join(this.#directory, 'logs', 't.c', 'kv', name), cut);
    }
  }

  async #isThere(expected: ReadonlyMap<string, string>): Promise<boolean> {
    const files = logFiles(join(this.#directory, 'logs'));
    const timing: Timing = { now: () => this.#now, elapsed: () => 0, random: () => 0, pause: async () => {} };
    const table = tableOf(this.#shared, { isOff: false, writes: 0 });
    const log = fileLog({ table, tenant: 't', keyspace: 'c/kv', clock: timing, files: files.of('t', 'c', 'kv') });
    const keyspace = await openKeyspace(log, { writerId: 'looks', timing });
    const there = shown(contentsOf(keyspace)) === shown(expected);
    await keyspace.close();
    await files.close();
    return there;
  }

  #compare(keyspace: OpenKeyspace, life: number): void {
    const where = { seed: this.#seed, life };
    expect({ ...where, contents: shown(contentsOf(keyspace)) }).toEqual({ ...where, contents: shown(this.#kept) });
  }
}

function contentsOf(keyspace: OpenKeyspace): Map<string, string> {
  const all = keyspace.view().range('', AFTER_ALL_KEYS);
  return new Map(Array.from(all, ({ key, value }) => [key, Buffer.from(value).toString('utf8')]));
}

const shown = (contents: ReadonlyMap<string, string>): string =>
  JSON.stringify([...contents].sort(([a], [b]) => (a < b ? -1 : 1)));

test(
  'over power cuts a log in files keeps all that was acknowledged, and of what was being written all or nothing',
  async () => {
    const total = { undone: 0, kept: 0, snapshots: 0, files: 0, trimmed: 0 };
    for (let seed = 1; seed <= SEEDS; seed++) {
      const story = new Story(seed);
      await story.tell();
      for (const [what, count] of Object.entries(story.counts)) total[what as keyof typeof total] += count;
    }
    // Enough went either way to prove something.
    for (const [what, count] of Object.entries(total)) expect([what, count > SEEDS / 4]).toEqual([what, true]);
  },
  LIMIT_MS,
);
