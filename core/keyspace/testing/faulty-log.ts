import type { Log } from '../log.ts';
import type { Timing } from '../timing.ts';

/** How often what goes wrong, 0..1. */
export interface Faults {
  /** An append fails and never reaches the log. */
  readonly dropped: number;
  /** An append lands, but its answer is lost. */
  readonly unanswered: number;
  /** An append fails, and lands some time after. */
  readonly late: number;
  /** A read fails. */
  readonly unread: number;
}

/** A log over a bad network: calls take 1 to 20 ms, and fail as `faults` says. */
export function faultyLog(log: Log, timing: Timing, faults: Faults): Log {
  const travel = () => timing.pause(1 + 9 * timing.random());
  const over = async <T>(call: () => Promise<T>): Promise<T> => {
    await travel();
    if (timing.random() < faults.unread) throw new Error('network: no answer to a read');
    const answer = await call();
    await travel();
    return answer;
  };
  return {
    read: (after, options) => over(() => log.read(after, options)),
    loadSnapshot: () => over(() => log.loadSnapshot()),
    snapshotSequence: () => over(() => log.snapshotSequence()),
    saveSnapshot: (sequence, chunks) => over(() => log.saveSnapshot(sequence, chunks)),
    async append(entry, headVerifiedAt) {
      const fate = timing.random();
      await travel();
      if (fate < faults.dropped) throw new Error('network: the append was dropped');
      if (fate < faults.dropped + faults.late) {
        void timing.pause(50 * timing.random()).then(() => log.append(entry, headVerifiedAt).catch(() => {}));
        throw new Error('network: the append is still on its way');
      }
      const answer = await log.append(entry, headVerifiedAt);
      if (fate < faults.dropped + faults.late + faults.unanswered) throw new Error('network: the answer was lost');
      await travel();
      return answer;
    },
  };
}
