import { CompactedError } from '../../core/keyspace/errors.ts';
import type { Revision, RevisionEvents } from '../../core/keyspace/types.ts';
import { decodePast } from '../../core/node/kv-past.ts';
import type { KvQuestions } from './questions.ts';

/**
 * Revisions `from <= r < to`, as many as the control plane tells of at once. Throws CompactedError if the first of them is gone there, too, and
 * what KvQuestions throw: Refusal if the control plane doesn't know of the question yet.
 */
export type ReadPast = (from: Revision, to: Revision, signal: AbortSignal) => Promise<readonly RevisionEvents[]>;

/** As a read of the log (remote-log.ts), ms: the other watches of a client wait with it. */
const READ_MS = 7_000;

export function remotePast(questions: Pick<KvQuestions, 'past'>): ReadPast {
  return async (from, to, signal) => {
    const answer = decodePast(await questions.past({ from, to }, { timeoutMs: READ_MS, signal }));
    if ('compactRevision' in answer) throw new CompactedError(answer.compactRevision);
    return answer.steps;
  };
}
