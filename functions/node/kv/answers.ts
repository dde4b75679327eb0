import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { entryFor } from '../../../core/keyspace/entry.ts';
import { CorruptLogError, TrimmedError } from '../../../core/keyspace/errors.ts';
import type { Sequence } from '../../../core/keyspace/types.ts';
import {
  decodeCalls,
  encodeForwardedAnswer,
  encodeTail,
  fittingTail,
  FORWARD_MAX,
  type ForwardedCalls,
} from '../../../core/node/kv.ts';
import { encodePast, type PastQuestion } from '../../../core/node/kv-past.ts';
import type { TailQuestion } from '../../../core/node/kv-stream.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import type { Logs } from '../../../core/ports/keyspaces.ts';
import { type CallsDeps, serveCalls } from './calls.ts';
import { headReads } from './head-reads.ts';
import { INTEREST_MS, type KvInterest } from './interest.ts';
import { readPast } from './past.ts';

export interface KvAnswersDeps extends CallsDeps {
  readonly logs: Pick<Logs, 'log'>;
  readonly interest: KvInterest;
  readonly clock: Clock;
  /** A host said that it uses the store. */
  readonly onInterest?: ((tenant: string, cluster: string) => Promise<void>) | undefined;
}

/** What hosts ask about their cluster's key-value store, whichever way it comes. */
export interface KvAnswers {
  tail(host: HostPrincipal, question: TailQuestion): Promise<Uint8Array>;
  past(host: HostPrincipal, question: PastQuestion): Promise<Uint8Array>;
  /** Answers bytes, and the last entry of the log that is in them. Throws TerraneError if `bytes` are no calls. */
  calls(host: HostPrincipal, bytes: Uint8Array, options?: CallsOptions): Promise<{ bytes: Uint8Array; upTo: Sequence }>;
}

export interface CallsOptions {
  /** The host has entries up to here already, or they are on their way to it. */
  readonly sent?: Sequence;
}

/**
 * The log is tailed as it is: no replica is needed here for that, and looking whether there is something new is one read of one item.
 */
export function kvAnswers(deps: KvAnswersDeps): KvAnswers {
  const heads = headReads();
  return {
    async tail({ tenant, cluster, nodeName }, { after, verify, news, watch, reads = 1 }) {
      if (watch) {
        await deps.interest.mark(tenant, cluster, nodeName, deps.clock.now() + INTEREST_MS);
        await deps.onInterest?.(tenant, cluster);
      }
      const log = deps.logs.log(tenant, cluster, 'kv');
      const options = { verify, expectNews: news };
      try {
        const plain = !verify && !news;
        const tail = plain
          ? await heads.read(`${tenant} ${cluster} ${after}`, () => log.read(after, options))
          : await log.read(after, options);
        return encodeTail(fittingTail({ ...tail, entries: tail.entries.map((entry) => entryFor(reads, entry)) }));
      } catch (error) {
        if (error instanceof TrimmedError) return encodeTail('trimmed');
        throw error;
      }
    },
    async past({ tenant, cluster }, question) {
      return encodePast(await readPast(await deps.keyspaces.open(tenant, cluster, 'kv'), question));
    },
    async calls({ tenant, cluster }, bytes, { sent = 0 } = {}) {
      const asked = decoded(bytes);
      const after = asked.after === undefined ? undefined : Math.max(asked.after, sent);
      const answer = await serveCalls(deps, tenant, cluster, { ...asked, after });
      return { bytes: encodeForwardedAnswer(answer), upTo: answer.entries.at(-1)?.sequence ?? sent };
    },
  };
}

function decoded(bytes: Uint8Array): ForwardedCalls {
  try {
    const decoded = decodeCalls(bytes);
    if (decoded.calls.length <= FORWARD_MAX.calls) return decoded;
  } catch (error) {
    if (!(error instanceof CorruptLogError)) throw error;
  }
  throw new TerraneError('invalid_request', `The body is not a list of at most ${FORWARD_MAX.calls} calls.`);
}
