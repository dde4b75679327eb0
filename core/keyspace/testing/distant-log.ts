import type { Log } from '../log.ts';
import type { Timing } from '../timing.ts';

/** A log as seen over a network: each call takes `latencyMs` +-20 %, half of it before it is carried out. */
export function distantLog(log: Log, timing: Timing, latencyMs: number): Log {
  const over = async <T>(call: () => Promise<T>): Promise<T> => {
    await timing.pause(latencyMs * (0.4 + 0.2 * timing.random()));
    const answer = await call();
    await timing.pause(latencyMs * (0.4 + 0.2 * timing.random()));
    return answer;
  };
  return {
    read: (after, options) => over(() => log.read(after, options)),
    append: (entry, headVerifiedAt) => over(() => log.append(entry, headVerifiedAt)),
    loadSnapshot: () => over(() => log.loadSnapshot()),
    snapshotSequence: () => over(() => log.snapshotSequence()),
    saveSnapshot: (sequence, chunks) => over(() => log.saveSnapshot(sequence, chunks)),
  };
}
