import type { Sequence } from '../../../core/keyspace/types.ts';

/** An answer that is going to hold the log's newest entries. */
export interface AnswerUnderWay {
  /** It holds all up to here. Answers up to where the host has to be told of entries after all; undefined: of none. */
  end(upTo: Sequence): Sequence | undefined;
}

interface Host {
  count: number;
  /** What the host wasn't told of, as an answer was under way that would hold it. */
  untold: Sequence;
}

/**
 * Hosts that wait for an answer that brings new entries with it need no hint of those entries. Whoever keeps one back for that reason asks
 * here first; what no answer did bring is told once the last one has gone.
 */
export class AnswersUnderWay {
  readonly #hosts = new Map<string, Host>();

  begin(tenant: string, cluster: string, nodeName: string): AnswerUnderWay {
    const key = keyOf(tenant, cluster, nodeName);
    const host = this.#hosts.get(key) ?? { count: 0, untold: 0 };
    this.#hosts.set(key, host);
    host.count++;
    return {
      end: (upTo) => {
        if (upTo >= host.untold) host.untold = 0;
        if (--host.count > 0) return undefined;
        this.#hosts.delete(key);
        return host.untold > 0 ? host.untold : undefined;
      },
    };
  }

  /** True: the host needn't be told of that entry, it will come with an answer or be told of then. */
  brings(tenant: string, cluster: string, nodeName: string, sequence: Sequence): boolean {
    const host = this.#hosts.get(keyOf(tenant, cluster, nodeName));
    if (!host) return false;
    host.untold = Math.max(host.untold, sequence);
    return true;
  }
}

// Ids of tenants and clusters and names of nodes have no space.
const keyOf = (tenant: string, cluster: string, nodeName: string): string => `${tenant} ${cluster} ${nodeName}`;
