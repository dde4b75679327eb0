import { MemoryLog } from './memory-log.ts';
import { assembleKeyspace, type OpenKeyspace } from './open.ts';
import { Replica } from './replica.ts';
import { noTiming } from './timing.ts';

/** A keyspace that lives in memory only: for unit tests and simulations. Starts at revision 1, empty. */
export function memoryKeyspace(): OpenKeyspace {
  const log = new MemoryLog();
  return assembleKeyspace(log, new Replica(log, noTiming), {
    writerId: 'memory',
    timing: noTiming,
    snapshotAfterBytes: Number.POSITIVE_INFINITY,
  });
}
