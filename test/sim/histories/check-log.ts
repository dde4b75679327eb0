import type { KeyValue, RevisionEvents } from '../../../core/keyspace/types.ts';
import { type Finding, show } from './history.ts';
import { deletion, type Rows, type States } from './model.ts';

/** Rebuilds all states from a log, checking that each event follows from those before it. */
export function statesOf(log: readonly RevisionEvents[]): { states: States; findings: Finding[] } {
  const states: Rows[] = [new Map()];
  const findings: Finding[] = [];
  const wrong = (rule: string, facts: string) => findings.push({ rule, facts });
  for (const { revision, events } of log) {
    if (revision !== states.length + 1) {
      wrong('the log has a gap, a repetition or a step back', `revision ${revision} follows ${states.length}`);
      break;
    }
    const before = states.at(-1)!;
    const rows = new Map(before);
    for (const { type, kv, prev } of events) {
      const known = before.get(kv.key);
      if (show(prev) !== show(known)) wrong('an event says what was not there before', `${show(prev)} instead of ${show(known)}`);
      const expected = type === 'delete' ? deletion(kv.key, revision) : expectedKv(kv, revision, known);
      if (show(kv) !== show(expected))
        wrong('a version does not follow from the one before', `${show(kv)}, not ${show(expected)}`);
      if (type === 'delete') rows.delete(kv.key);
      else rows.set(kv.key, kv);
    }
    if (new Set(events.map(({ kv }) => kv.key)).size !== events.length) wrong('a key changes twice in a revision', show(events));
    states.push(rows);
  }
  return { states, findings };
}

function expectedKv({ key, value, lease, version }: KeyValue, revision: number, before: KeyValue | undefined): KeyValue {
  // A key that is deleted and put again in one transaction begins anew.
  const fresh = !before || version === 1;
  return {
    key,
    value,
    createRevision: fresh ? revision : before.createRevision,
    modRevision: revision,
    version: fresh ? 1 : before.version + 1,
    lease,
  };
}
