import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Revision } from '../keyspace/types.ts';
import type { View } from '../keyspace/view.ts';

/** What can be read at one moment: the newest state, and the older ones that are kept. A Transaction is one. */
export interface Reader extends View {
  /** The oldest revision that can be read; 0 = never compacted. */
  readonly compactRevision: Revision;
  /** Throws CompactedError or FutureRevisionError. */
  at(revision: Revision): View;
}

/** A reader of a view that was just taken from the keyspace. */
export function readerOf(keyspace: OpenKeyspace, view: View): Reader {
  return {
    revision: view.revision,
    compactRevision: keyspace.compactRevision,
    get: (key) => view.get(key),
    range: (from, to) => view.range(from, to),
    count: (from, to) => view.count(from, to),
    at: (revision) => keyspace.at(revision),
  };
}
