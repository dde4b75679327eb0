import { sizeOf } from '../../../core/etcd/watch-fragments.ts';
import { CompactedError } from '../../../core/keyspace/errors.ts';
import { AFTER_ALL_KEYS } from '../../../core/keyspace/keys.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import type { RevisionEvents } from '../../../core/keyspace/types.ts';
import { ANSWER_BYTES_MAX } from '../../../core/node/kv.ts';
import type { PastAnswer, PastQuestion } from '../../../core/node/kv-past.ts';

/** Of one answer: as a watch looks at the past, too. */
const PAGE = { revisions: 1_000, bytes: 1_000_000 };

/** What happened at revisions of the past, for a host whose copy has forgotten it. */
export async function readPast(keyspace: Pick<OpenKeyspace, 'sync' | 'watch'>, { from, to }: PastQuestion): Promise<PastAnswer> {
  const { revision } = await keyspace.sync();
  const end = Math.min(to, revision + 1);
  const steps: RevisionEvents[] = [];
  if (from >= end) return { steps };
  let bytes = 0;
  try {
    for await (const step of keyspace.watch({ from: '', to: AFTER_ALL_KEYS }, from, new AbortController().signal)) {
      const size = step.events.reduce((sum, event) => sum + sizeOf(event, true), 0);
      // One revision that is more than an answer may have can't be told of: it is as good as gone.
      if (steps.length === 0 && size > ANSWER_BYTES_MAX) return { compactRevision: step.revision + 1 };
      if (steps.length > 0 && bytes + size > PAGE.bytes) break;
      steps.push(step);
      bytes += size;
      if (step.revision + 1 >= end || steps.length >= PAGE.revisions) break;
    }
  } catch (error) {
    if (error instanceof CompactedError) return { compactRevision: error.compactRevision };
    throw error;
  }
  return { steps };
}
