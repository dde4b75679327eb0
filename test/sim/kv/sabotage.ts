import { decodeEntry, encodeEntry } from '../../../core/keyspace/entry.ts';
import type { Log } from '../../../core/keyspace/log.ts';

/** A log in which a writer doesn't find its own entries again: they bear another's name. */
export function withForeignNames(log: Log): Log {
  return {
    ...log,
    append({ sequence, body }, headVerifiedAt) {
      const entry = decodeEntry(sequence, body);
      return log.append({ sequence, body: encodeEntry({ ...entry, writer: `${entry.writer}'` }) }, headVerifiedAt);
    },
  };
}

/** A log that says, to whoever asks whether there is more, sometimes that there isn't. */
export function withLazyReads(log: Log): Log {
  let asked = 0;
  return {
    ...log,
    read: async (after, options) =>
      ++asked % 3 === 0 && !options.expectNews ? { entries: [], more: false } : log.read(after, options),
  };
}

/** A log whose put overwrites what is there. */
export function withBlindPuts(log: Log): Log {
  return {
    ...log,
    async append(entry, headVerifiedAt) {
      const answer = await log.append(entry, headVerifiedAt);
      return answer.won ? answer : { won: true };
    },
  };
}
