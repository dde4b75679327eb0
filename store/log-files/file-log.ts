import { TrimmedError } from '../../core/keyspace/errors.ts';
import { assertHeadTrusted, type LogEntry, RETENTION_MS } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import type { PagedLog } from '../../core/ports/keyspaces.ts';
import { type DynamoLogOptions, dynamoLog, isDiskFull, storeFull } from '../dynamodb-log.ts';
import { logKeys } from '../log-keys.ts';
import type { EntryFiles } from './entry-files.ts';

export interface FileLogOptions extends DynamoLogOptions {
  readonly files: EntryFiles;
}

/** In the part of the snapshots, and no snapshot: the log's entries are in files. So files that are gone are missed. */
const IN_FILES = 'files';

/**
 * A keyspace's log of which the entries are in files of this process' own, which alone writes to it (decision 22). Snapshots are in the table, and
 * entries from before there were files.
 */
export function fileLog(options: FileLogOptions): PagedLog {
  const { table, clock, hub, files } = options;
  const keys = logKeys(options.tenant, options.keyspace);
  const inTable = dynamoLog(options);

  const opened = () => files.open(async () => (await table.get(keys.snapshots, IN_FILES)) !== undefined);
  /** Resolves with the entry that has the place already. */
  const begin = async ({ sequence }: LogEntry): Promise<LogEntry | undefined> => {
    const [there] = (await inTable.read(sequence - 1, { verify: true })).entries;
    if (there) return there;
    const begun = await files.begin(sequence, clock.now());
    // Before there is an entry, however often that is tried: who made the file may have ended right then.
    if (begun) {
      await table.put({ pk: { S: keys.snapshots }, sk: { S: IN_FILES } }).catch((error: unknown) => {
        throw isDiskFull(error) ? storeFull(error) : error;
      });
    }
    return undefined;
  };

  const log: PagedLog = {
    ...inTable,
    async read(after, readOptions) {
      await opened();
      if (files.empty) return inTable.read(after, readOptions);
      if (after + 1 < files.first) {
        const { entries } = await inTable.read(after, readOptions);
        if (entries.length === 0) throw new TrimmedError(after);
        return { entries, more: true };
      }
      if (after > files.head && readOptions.verify) throw new TrimmedError(after);
      return after >= files.head ? { entries: [], more: false } : files.read(after);
    },

    async append(entry, headVerifiedAt) {
      assertHeadTrusted(clock.now(), headVerifiedAt);
      await opened();
      const winner = files.blank ? await begin(entry) : await olderThanFiles(entry.sequence);
      if (winner) return { won: false, winner: winner.body };
      const appended = await files.append(entry, clock.now());
      if (!appended.won) return appended;
      hub?.publish(keys.log, log);
      options.onAppended?.(entry);
      return appended;
    },

    async saveSnapshot(sequence, chunks) {
      await inTable.saveSnapshot(sequence, chunks);
      await opened();
      await files.trim(await inTable.snapshotSequence(), clock.now() - RETENTION_MS);
    },
    ...(hub ? { subscribe: (listener: () => void) => hub.subscribe(keys.log, log, listener) } : {}),
  };

  async function olderThanFiles(sequence: Sequence): Promise<LogEntry | undefined> {
    if (sequence >= files.first) return undefined;
    const [winner] = (await inTable.read(sequence - 1, { verify: false })).entries;
    if (!winner) throw new TrimmedError(sequence);
    return winner;
  }
  return log;
}
