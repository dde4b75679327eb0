import { expect, test } from '@jest/globals';
import { HeadStaleError, TrimmedError } from '../errors.ts';
import { HEAD_TRUSTED_MS, type Log, RETENTION_MS } from '../log.ts';

/** A log that nobody else uses, and the clock that it goes by. */
export interface LogUnderTest {
  readonly log: Log;
  now: number;
}

const settled = { verify: false };
const verified = { verify: true };
const body = (text: string) => new TextEncoder().encode(text);
const noise = (length: number) =>
  Uint8Array.from({ length }, (_, index) => (index * 7919 + (index >> 8) * 31 + (index >> 13)) % 251);

/** What every implementation of the Log port promises. */
export function logConformance(make: () => Promise<LogUnderTest>): void {
  const filled = async (count: number) => {
    const under = await make();
    for (let sequence = 1; sequence <= count; sequence++) {
      await under.log.append({ sequence, body: body(`entry ${sequence}`) }, under.now);
    }
    return under;
  };
  const sequences = async (log: Log, after: number, options: { verify: boolean; expectNews?: boolean }) =>
    (await log.read(after, options)).entries.map(({ sequence }) => sequence);

  test('an empty log has nothing to read, and no snapshot', async () => {
    const { log } = await make();
    for (const options of [settled, verified, { verify: false, expectNews: true }]) {
      expect(await log.read(0, options)).toEqual({ entries: [], more: false });
    }
    expect([await log.snapshotSequence(), await log.loadSnapshot()]).toEqual([0, undefined]);
  });

  test('what was appended is read back in order, from any place', async () => {
    const { log } = await filled(12);
    for (const options of [settled, verified, { verify: false, expectNews: true }]) {
      expect(await sequences(log, 9, options)).toEqual([10, 11, 12]);
      expect(await sequences(log, 12, options)).toEqual([]);
    }
    expect((await log.read(3, settled)).entries[0]).toEqual({ sequence: 4, body: body('entry 4') });
  });

  test('of many that append at one place one wins, and all others are handed its entry', async () => {
    const under = await filled(1);
    const bodies = Array.from({ length: 20 }, (_, n) => body(`writer ${n}`));
    const answers = await Promise.all(bodies.map((each) => under.log.append({ sequence: 2, body: each }, under.now)));
    expect(answers.filter(({ won }) => won)).toHaveLength(1);
    const winner = bodies[answers.findIndex(({ won }) => won)];
    for (const answer of answers) if (!answer.won) expect(answer.winner).toEqual(winner);
    expect((await under.log.read(1, settled)).entries).toEqual([{ sequence: 2, body: winner }]);
  });

  test('long bodies come back whole, to a reader and to a loser', async () => {
    const under = await make();
    const long = noise(1_400_000);
    expect(await under.log.append({ sequence: 1, body: long }, under.now)).toEqual({ won: true });
    const answer = await under.log.append({ sequence: 1, body: noise(900_000) }, under.now);
    expect(!answer.won && Buffer.compare(answer.winner, long)).toBe(0);
    expect(Buffer.compare((await under.log.read(0, settled)).entries[0]!.body, long)).toBe(0);
  });

  test('appends the same bytes at the same place again without harm', async () => {
    const under = await make();
    const long = noise(500_000);
    await under.log.append({ sequence: 1, body: long }, under.now);
    const again = await under.log.append({ sequence: 1, body: long }, under.now);
    expect(!again.won && Buffer.compare(again.winner, long)).toBe(0);
  });

  test('refuses to append on a head that was verified too long ago, or in the future, and writes nothing', async () => {
    const under = await filled(1);
    for (const verifiedAt of [under.now - HEAD_TRUSTED_MS - 1, under.now + 1]) {
      await expect(under.log.append({ sequence: 2, body: body('late') }, verifiedAt)).rejects.toThrow(HeadStaleError);
    }
    expect(await sequences(under.log, 1, settled)).toEqual([]);
    expect(await under.log.append({ sequence: 2, body: body('just') }, under.now - HEAD_TRUSTED_MS)).toEqual({ won: true });
  });

  test('a snapshot comes back chunk by chunk, and only newer ones take its place', async () => {
    const { log } = await filled(5);
    const chunks = [body('head'), noise(1_000_000), body('tail')];
    await log.saveSnapshot(4, chunks);
    await log.saveSnapshot(3, [body('older')]);
    expect(await log.snapshotSequence()).toBe(4);
    const stored = (await log.loadSnapshot())!;
    const read: Uint8Array[] = [];
    for await (const chunk of stored.chunks) read.push(chunk);
    expect(stored.sequence).toBe(4);
    expect(read.map((chunk) => Buffer.from(chunk).toString('latin1'))).toEqual(
      chunks.map((chunk) => Buffer.from(chunk).toString('latin1')),
    );
    await log.saveSnapshot(5, [body('newer')]);
    expect(await log.snapshotSequence()).toBe(5);
  });

  test('keeps entries that no snapshot covers, or that are younger than the retention', async () => {
    const under = await filled(4);
    under.now += RETENTION_MS + 1;
    await under.log.append({ sequence: 5, body: body('young') }, under.now);
    await under.log.append({ sequence: 6, body: body('uncovered') }, under.now);
    expect(await sequences(under.log, 0, verified)).toEqual([1, 2, 3, 4, 5, 6]);
    await under.log.saveSnapshot(5, [body('covers five')]);
    await expect(under.log.read(3, verified)).rejects.toThrow(TrimmedError);
    expect(await sequences(under.log, 5, verified)).toEqual([6]);
  });

  test('who was away for longer than the retention is told so, and not that nothing happened', async () => {
    const under = await filled(3);
    under.now += RETENTION_MS + 1;
    await under.log.saveSnapshot(3, [body('covers all')]);
    await expect(under.log.read(1, verified)).rejects.toThrow(TrimmedError);
    await expect(under.log.read(0, verified)).rejects.toThrow(TrimmedError);
    // The entry at the snapshot stays: it proves that nothing after it was trimmed.
    expect(await sequences(under.log, 3, verified)).toEqual([]);
  });
}
