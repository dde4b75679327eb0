import { isOldest } from '../../core/keyspace/entry.ts';
import type { LogEntry } from '../../core/keyspace/log.ts';
import type { Sequence } from '../../core/keyspace/types.ts';
import type { PushMessage } from '../../core/node/push.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { KvInterest } from '../node/kv/interest.ts';

export interface KvHintsDeps {
  readonly interest: KvInterest;
  readonly clock: Clock;
  readonly log: Logger;
  /** True: that host gets the entry without being told of it. Default: none does. */
  readonly brings?: (tenant: string, cluster: string, nodeName: string, sequence: Sequence) => boolean;
  /** Sends a message to those of these hosts that are connected. */
  readonly send: (tenant: string, cluster: string, nodeNames: readonly string[], message: PushMessage) => void | Promise<void>;
}

/** Entries up to this size are sent along, so that hosts need not come for them. */
const ENTRY_BYTES_MAX = 16_000;

/** Tells the hosts that use a cluster's key-value store of a commit; the others hear nothing, and cost nothing. */
export function kvHints({ interest, clock, log, brings = () => false, send }: KvHintsDeps) {
  return async (tenant: string, cluster: string, entry: Pick<LogEntry, 'sequence'> & Partial<LogEntry>): Promise<void> => {
    try {
      const { sequence, body } = entry;
      const interested = await interest.nodes(tenant, cluster, clock.now());
      const nodes = interested.filter((nodeName) => !brings(tenant, cluster, nodeName, sequence));
      if (nodes.length === 0) return;
      const short = body && body.length <= ENTRY_BYTES_MAX;
      const message: PushMessage = {
        type: 'kv',
        sequence,
        ...(short ? { [isOldest(body) ? 'entry' : 'body']: Buffer.from(body).toString('base64') } : {}),
      };
      await send(tenant, cluster, nodes, message);
    } catch (error) {
      // They look by themselves, only later.
      log.warn('hosts were not told of a commit to the key-value store', { cluster, problem: String(error) });
    }
  };
}
