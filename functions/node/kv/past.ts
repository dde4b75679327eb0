import { sizeOf } from '../../../core/etcd/watch-fragments.ts';
import { CompactedError } from '../../../core/keyspace/errors.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';
import { ANSWER_BYTES_MAX } from '../../../core/node/kv.ts';
import type { PastAnswer, PastQuestion } from '../../../core/node/kv-past.ts';

/** Of one answer: as a watch looks at the past, too. */
const PAGE = { revisions: 1_000, bytes: 1_000_000 };

/** What happened at revisions of the past, for a host whose copy has forgotten it. */
export async function readPast(
  keyspace: Pick<OpenKeyspace, 'sync' | 'eventsAt'>,
  { from, to }: PastQuestion,
): Promise<PastAnswer> {
  const { revision: head } = await keyspace.sync();
  const end = Math.min(to, head + 1);
  const steps: RevisionEvents[] = [];
  let bytes = 0;
  try {
    for (let revision = from; revision < end && steps.length < PAGE.revisions; revision++) {
      const step = keyspace.eventsAt(revision);
      // The first revision is that of the empty store.
      if (!step) continue;
      bytes += step.events.reduce((sum, event) => sum + sizeOf(event, true), 0);
      // One revision that is more than an answer may have can't be told of: it is as good as gone.
      if (steps.length === 0 && bytes > ANSWER_BYTES_MAX) return { compactRevision: revision + 1 };
      if (steps.length > 0 && bytes > PAGE.bytes) break;
      steps.push(step);
    }
  } catch (error) {
    if (error instanceof CompactedError) return { compactRevision: error.compactRevision };
    throw error;
  }
  return { steps };
}
