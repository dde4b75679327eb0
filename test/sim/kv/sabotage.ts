import { decodeEntry, encodeEntry } from '../../../core/keyspace/entry.ts';
import type { KvQuestions } from '../../../agent/kv/questions.ts';
import type { Log } from '../../../core/keyspace/log.ts';
import { decodeCalls, encodeCalls, encodeTail, type ForwardedCall } from '../../../core/node/kv.ts';

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

/** A log of whose appends every third lands without an answer: nothing that a writer shouldn't cope with, and what it takes to see whether it does. */
export function withLostAnswers(log: Log): Log {
  let landed = 0;
  return {
    ...log,
    async append(entry, headVerifiedAt) {
      const answer = await log.append(entry, headVerifiedAt);
      if (++landed % 3 === 0) throw new Error('the answer got lost');
      return answer;
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

/** A host that answers linearizable reads from its copy without asking whether that is current. */
export function withoutHeadCheck(questions: KvQuestions): KvQuestions {
  const nothing = Buffer.from(encodeTail({ entries: [], more: false }));
  return {
    ...questions,
    tail: async (question, options) => (question.news || question.verify ? questions.tail(question, options) : nothing),
  };
}

/** A host that gives a call another id each time that it sends it. */
export function withFreshIds(questions: KvQuestions): KvQuestions {
  let sent = 0;
  return withCalls(questions, (call) => ({ ...call, id: `${call.id}~${++sent}` }));
}

/** A host that doesn't say that it has sent a call before. */
export function withoutFences(questions: KvQuestions): KvQuestions {
  return withCalls(questions, (call) => ({ ...call, again: false }));
}

function withCalls(questions: KvQuestions, change: (call: ForwardedCall) => ForwardedCall): KvQuestions {
  return {
    ...questions,
    calls(body, options) {
      const { calls, ...rest } = decodeCalls(body);
      return questions.calls(encodeCalls({ ...rest, calls: calls.map(change) }), options);
    },
  };
}
