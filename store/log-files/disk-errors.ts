import { StoreFailedError } from '../../core/keyspace/errors.ts';
import { storeFull } from '../dynamodb-log.ts';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** An error of the operating system as what it means for the log, and what to do; others as they are. `what` failed. */
export function diskError(error: unknown, what: 'write' | 'read'): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !/^E[A-Z0-9]+$/.test(code)) return error;
  if (FULL.has(code)) return storeFull(error);
  const nothing = what === 'write' ? 'could not be written to, nothing was changed' : 'could not be read';
  return new StoreFailedError(
    // Without the path, which is the operator's business: clients are told this. The log has the cause.
    `the disk that holds the data directory ${nothing} (${code}). See what the system says of it (dmesg), and mend it, or restore the data directory from a backup to another one`,
    { cause: error },
  );
}
