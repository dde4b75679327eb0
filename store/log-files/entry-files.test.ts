import {
  closeSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { CorruptLogError, TrimmedError } from '../../core/keyspace/errors.ts';
import { withCauses } from '../../core/logging/with-causes.ts';
import { EntryFiles } from './entry-files.ts';
import { crc32, slowCrc32 } from './crc32.ts';
import { logFiles } from './log-files.ts';
import { UnsureAppendError } from './segment.ts';

const body = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** No zeros in it, so that what lacks is told from what is there. */
const long = (length: number, of = 1) => Uint8Array.from({ length }, (_, index) => ((index * of) % 251) + 1);
const nothing = async () => false;
const pathOf = (descriptor: number) => {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`);
  } catch {
    // It was the one that read the directory.
    return undefined;
  }
};
/** Returns what had to be opened besides. */
const becomesFull = (descriptor: number) => {
  const others: number[] = [];
  closeSync(descriptor);
  // An open takes the lowest number that is free.
  for (let next = openSync('/dev/full', 'r+'); next !== descriptor; next = openSync('/dev/full', 'r+')) others.push(next);
  return others;
};

describe('entries in files', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'terrane-log-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  const opened = async (options: { segmentBytes?: number; name?: string } = {}) => {
    const files = new EntryFiles({ directory, name: 't.c/kv', ...options });
    await files.open(nothing);
    return files;
  };
  const filled = async (bodies: readonly Uint8Array[], options: { segmentBytes?: number } = {}) => {
    const files = await opened(options);
    await files.begin(1, 0);
    for (const [index, each] of bodies.entries()) await files.append({ sequence: index + 1, body: each }, index);
    await files.idle();
    return files;
  };
  const all = async (files: EntryFiles, after = 0) => {
    const found: Uint8Array[] = [];
    for (let more = true; more; ) {
      const tail = await files.read(after + found.length);
      found.push(...tail.entries.map((entry) => entry.body));
      more = tail.more;
    }
    return found;
  };
  const paths = () =>
    readdirSync(directory)
      .sort()
      .map((name) => join(directory, name));

  test('who opens them anew finds every entry, over the borders of files too', async () => {
    const bodies = Array.from({ length: 40 }, (_, n) => long(n * 37, n + 1));
    await filled(bodies, { segmentBytes: 2_000 });
    expect(paths().length).toBeGreaterThan(5);
    const files = await opened({ segmentBytes: 2_000 });
    expect([files.first, files.head]).toEqual([1, 40]);
    expect(await all(files)).toEqual(bodies);
    expect(await all(files, 33)).toEqual(bodies.slice(33));
    await files.append({ sequence: 41, body: body('next') }, 0);
    expect((await all(await opened(), 40)).map(text)).toEqual(['next']);
  });

  test('a write cut short at any byte leaves all entries before it, and the log goes on there', async () => {
    const bodies = [body('one'), long(700), body('three')];
    await filled(bodies.slice(0, 2));
    const [path] = paths() as [string];
    const before = readFileSync(path);
    await filled3(bodies[2]!);
    const after = readFileSync(path);
    const end = after.lastIndexOf('three') + 5;
    const start = end - 24 - 5;
    expect(before.subarray(start).every((byte) => byte === 0)).toBe(true);
    for (let cut = start; cut < end; cut++) {
      writeFileSync(path, after);
      truncateSync(path, cut);
      const files = await opened();
      expect([cut, files.head]).toEqual([cut, 2]);
      await files.append({ sequence: 3, body: body(`again ${cut}`) }, 0);
      await files.idle();
      expect((await all(await opened())).map(text)).toEqual([text(bodies[0]!), text(bodies[1]!), `again ${cut}`]);
    }

    async function filled3(third: Uint8Array) {
      const files = await opened();
      await files.append({ sequence: 3, body: third }, 0);
      await files.idle();
    }
  });

  test('a write of which any sector did not reach the disk is taken for cut short, and nothing of it comes back', async () => {
    const bodies = [body('one'), long(3_000)];
    await filled(bodies);
    const [path] = paths() as [string];
    const whole = readFileSync(path);
    const start = whole.indexOf('one') + 3;
    const end = start + 24 + 3_000;
    for (let sector = Math.floor(start / 512) * 512; sector < end; sector += 512) {
      const damaged = Buffer.from(whole);
      damaged.fill(0, Math.max(sector, start), Math.min(sector + 512, end));
      writeFileSync(path, damaged);
      const files = await opened();
      expect([sector, files.head]).toEqual([sector, 1]);
      await files.append({ sequence: 2, body: body('short') }, 0);
      await files.idle();
      // What is left could make the next write that is cut short look like damage.
      expect(
        readFileSync(path)
          .subarray(start + 24 + 5)
          .every((byte) => byte === 0),
      ).toBe(true);
      expect((await all(await opened())).map(text)).toEqual(['one', 'short']);
    }
  });

  test('a flipped bit anywhere in what was acknowledged is refused, and the message says what to do', async () => {
    await filled([long(40), long(600, 3), long(50, 5)]);
    const [path] = paths() as [string];
    const whole = readFileSync(path);
    const end = 8 + 24 + 6 + 3 * 24 + 690;
    expect(whole.subarray(end).every((byte) => byte === 0)).toBe(true);
    // The length of the last entry alone can't be told from one of a longer entry that was cut short.
    const lastHead = end - 50 - 24;
    for (let at = 0; at < end; at += at < 300 ? 1 : 7) {
      if (at >= lastHead + 4 && at < lastHead + 8) continue;
      const damaged = Buffer.from(whole);
      damaged[at]! ^= 0x40;
      writeFileSync(path, damaged);
      const refused = await opened().then(
        () => undefined,
        (error: unknown) => error,
      );
      expect([at, refused instanceof CorruptLogError]).toEqual([at, true]);
      expect(String(refused)).toContain('Restore the data directory from a backup');
    }
  });

  test('a file that is missing in the middle, or of another log, is refused', async () => {
    await filled(
      Array.from({ length: 9 }, () => long(500)),
      { segmentBytes: 1_000 },
    );
    const [, second] = paths() as [string, string];
    await expect(opened({ name: 't.other/kv' })).rejects.toThrow('it belongs to t.c/kv');
    rmSync(second);
    const files = await opened();
    await expect(all(files)).rejects.toThrow(CorruptLogError);
  });

  test('files that ought to be there and are not are missed', async () => {
    const files = new EntryFiles({ directory: join(directory, 'none'), name: 't.c/kv' });
    await expect(files.open(async () => true)).rejects.toThrow('are missing');
  });

  test('a file that was begun only is begun again', async () => {
    await filled([long(500), long(500)], { segmentBytes: 100 });
    const last = paths().at(-1)!;
    for (const bytes of [Buffer.alloc(0), readFileSync(last).subarray(0, 20), Buffer.alloc(4_096)]) {
      writeFileSync(join(directory, '0000000000000003.log'), bytes);
      const files = await opened({ segmentBytes: 100 });
      expect(files.head).toBe(2);
      await files.append({ sequence: 3, body: body('third') }, 0);
      await files.idle();
      const again = await opened();
      expect(text((await all(again, 2))[0]!)).toBe('third');
      rmSync(paths().at(-1)!);
    }
  });

  test('a disk that takes neither an entry nor its taking back is told of with what to do and without a path, until it is well again', async () => {
    const files = await filled([body('1')]);
    const append = (sequence: number) => files.append({ sequence, body: body(String(sequence)) }, 0);
    await append(2);
    // From now on the file's descriptor is one of a device that is always full, and that can't be truncated.
    const descriptors = readdirSync('/proc/self/fd').map(Number);
    const others = becomesFull(descriptors.find((each) => pathOf(each) === paths()[0])!);
    const error = await append(3).catch((caught: unknown) => caught);
    for (const each of others) closeSync(each);
    expect(error).toBeInstanceOf(UnsureAppendError);
    const problem = files.problem(0);
    expect(problem).toMatch(/could not be taken back \(EINVAL\).*dmesg.*backup/);
    expect(problem).not.toContain(directory);
    expect(withCauses(error)).toContain(`${paths()[0]} failed`);
    expect(withCauses(error)).toContain('ENOSPC');
    expect(files.problem(60_000)).toBeUndefined();
    await files.idle();
    await append(3);
    expect(files.problem(0)).toBeUndefined();
    expect((await all(await opened())).map(text)).toEqual(['1', '2', '3']);
  });

  test('many who append at one place get one winner, and an entry that skips a place is refused', async () => {
    const files = await filled([body('one')]);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => files.append({ sequence: 2, body: body(`writer ${n}`) }, 0)),
    );
    expect(answers.filter(({ won }) => won)).toHaveLength(1);
    for (const answer of answers) if (!answer.won) expect(text(answer.winner)).toBe('writer 0');
    await expect(files.append({ sequence: 4, body: body('four') }, 0)).rejects.toThrow(CorruptLogError);
  });

  test('an idle log of old entries gives its file up once it is written to again', async () => {
    const files = await filled([body('one'), body('two')]);
    await files.trim(2, 1_000);
    await files.append({ sequence: 3, body: body('three') }, 2_000);
    expect(paths()).toHaveLength(2);
    await files.trim(2, 1_000);
    expect([files.first, paths().length]).toEqual([1, 2]);
    await files.trim(3, 1_000);
    expect([files.first, paths().length]).toEqual([3, 1]);
    expect((await all(files, 2)).map(text)).toEqual(['three']);
  });

  test('who reads a file while it is trimmed is told that it was trimmed', async () => {
    const files = await filled([long(500), long(500), long(500)], { segmentBytes: 100 });
    await files.read(0);
    rmSync(paths()[0]!);
    await expect(files.read(0)).rejects.toThrow(TrimmedError);
  });

  test('a deleted cluster has no files, and none are made for who writes on', async () => {
    const logs = logFiles(directory);
    const files = logs.of('t', 'c', 'kv');
    await files.open(nothing);
    await files.begin(1, 0);
    const writing = files.append({ sequence: 1, body: body('one') }, 0);
    await Promise.all([writing, logs.forget('t', 'c')]);
    await expect(files.append({ sequence: 2, body: body('two') }, 0)).rejects.toThrow('was deleted');
    expect(await files.begin(1, 0)).toBe(false);
    expect(readdirSync(directory)).toEqual([]);
    expect(logs.of('t', 'c', 'kv')).toBe(files);
  });

  test('more logs than files may be open are written to in turn', async () => {
    const logs = logFiles(directory, { openMax: 2 });
    const write = async (cluster: string, sequence: number) => {
      const files = logs.of('t', cluster, 'kv');
      await files.open(nothing);
      await files.begin(1, 0);
      await files.append({ sequence, body: body(`${cluster} ${sequence}`) }, 0);
    };
    for (const sequence of [1, 2, 3]) await Promise.all(['a', 'b', 'c', 'd'].map((cluster) => write(cluster, sequence)));
    for (const cluster of ['a', 'b', 'c', 'd']) {
      expect((await all(logs.of('t', cluster, 'kv'))).map(text)).toEqual([1, 2, 3].map((n) => `${cluster} ${n}`));
    }
    expect(() => logs.of('..', 'c', 'kv')).toThrow(RangeError);
    await logs.close();
  });

  test('the checksum is the same whichever runtime made it', () => {
    for (const length of [0, 1, 9, 1_000]) {
      const bytes = long(length);
      expect(slowCrc32(bytes)).toBe(crc32(bytes));
      expect(slowCrc32(bytes, 7)).toBe(crc32(bytes, 7));
    }
    expect(slowCrc32(body('123456789'))).toBe(0xcbf43926);
  });
});
