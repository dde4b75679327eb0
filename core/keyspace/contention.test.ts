import { describe, expect, test } from '@jest/globals';
import { MemoryLog } from './memory-log.ts';
import { openKeyspace } from './open.ts';
import { distantLog } from './testing/distant-log.ts';
import { VirtualTime } from './testing/virtual-time.ts';

const RUN_MS = 4_000;
const LATENCY_MS = 5;

/** Writers in replicas of their own, each with one transaction after the other, in simulated time. */
async function contend(writers: number, takeTurns: boolean, thinkMs = 0) {
  const time = new VirtualTime(7);
  const log = new MemoryLog(() => time.now());
  const waits: number[] = [];
  const perWriter = Array.from({ length: writers }, () => 0);
  const replicas = await time.run(
    Promise.all(
      perWriter.map((_, n) => openKeyspace(distantLog(log, time, LATENCY_MS), { writerId: `w${n}`, timing: time, takeTurns })),
    ),
  );
  const end = time.now() + RUN_MS;
  await time.run(
    Promise.all(
      replicas.map(async (replica, n) => {
        while (time.now() < end) {
          if (thinkMs > 0) await time.pause(2 * thinkMs * time.random());
          const from = time.now();
          await replica.transact((txn) => txn.put(`k${n}`, Uint8Array.of(1)));
          waits.push(time.now() - from);
          perWriter[n]!++;
        }
      }),
    ),
  );
  waits.sort((a, b) => a - b);
  const sum = (figure: 'conflicts' | 'commits') => replicas.reduce((total, { statistics }) => total + statistics[figure], 0);
  return {
    commitsPerSecond: (waits.length / RUN_MS) * 1000,
    conflictsPerCommit: sum('conflicts') / sum('commits'),
    p50: waits[waits.length >> 1]!,
    p99: waits[Math.floor(waits.length * 0.99)]!,
    perWriter,
  };
}

describe('writers that contend for one log', () => {
  test('take turns: few failed puts, nobody starves, and the slowest wait little longer than the others', async () => {
    const turns = await contend(16, true);
    expect(turns.conflictsPerCommit).toBeLessThan(0.5);
    expect(turns.p99 / turns.p50).toBeLessThan(2.5);
    expect(Math.min(...turns.perWriter)).toBeGreaterThan(Math.max(...turns.perWriter) / 2);
    // The log itself is not slowed down much: one commit takes a put and a look.
    expect(turns.commitsPerSecond).toBeGreaterThan((1000 / LATENCY_MS) * 0.6);
  }, 30_000);

  test('without turns it is as bad as we say', async () => {
    const naive = await contend(16, false);
    expect(naive.conflictsPerCommit).toBeGreaterThan(6);
    expect(naive.p99 / naive.p50).toBeGreaterThan(50);
  }, 30_000);

  test('a writer that is alone is hardly slowed down', async () => {
    const alone = await contend(1, true);
    expect(alone.commitsPerSecond).toBeGreaterThan((1000 / LATENCY_MS) * 0.9);
  }, 30_000);

  test('when the log is not busy they do not wait for each other', async () => {
    const [turns, naive] = [await contend(8, true, 200), await contend(8, false, 200)];
    expect(turns.p50).toBeLessThan(naive.p50);
    expect(turns.conflictsPerCommit).toBeLessThan(naive.conflictsPerCommit / 4);
  }, 30_000);
});
