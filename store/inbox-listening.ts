import { Listening, type Reading } from '../core/node/listening.ts';
import type { Inbox } from '../core/ports/inbox.ts';

export interface ListeningInbox extends Inbox {
  /** core/node/listening.ts: Listening.since. */
  since(): number;
  /** To be called every LOOK_MS. */
  look(): void;
}

/**
 * An inbox of which all that is put goes through this process: it measures how long hosts are silent, and tells that with what lies there.
 * `onMissed` hears of time that was not listened, ms.
 */
export function listeningInbox(inbox: Inbox, read: () => Reading, onMissed: (ms: number) => void): ListeningInbox {
  const listening = new Listening(read());
  const idOf = (...parts: string[]) => JSON.stringify(parts);
  const look = () => {
    const missed = listening.look(read());
    if (missed > 0) onMissed(missed);
  };
  return {
    async put(tenant, cluster, item, loud) {
      look();
      const at = listening.now();
      const kept = await inbox.put(tenant, cluster, item, loud);
      // Before it is answered: no lease is renewed by a report that doesn't count.
      listening.heard(idOf(tenant, cluster, item.nodeName), at);
      return kept;
    },
    async markLost(tenant, cluster, nodeName, at) {
      look();
      listening.lost(idOf(tenant, cluster, nodeName));
      await inbox.markLost(tenant, cluster, nodeName, at);
    },
    async list(tenant, cluster) {
      // Silence as of the beginning, which is when the reader has looked at its clock; of hosts as they are known in the end.
      look();
      const asOf = listening.now();
      const items = await inbox.list(tenant, cluster);
      return items.map((item) => ({ ...item, unheard: listening.unheard(idOf(tenant, cluster, item.nodeName), asOf) }));
    },
    async delete(tenant, cluster, nodeName) {
      const leaseSeconds = await inbox.delete(tenant, cluster, nodeName);
      listening.forget(idOf(tenant, cluster, nodeName));
      return leaseSeconds;
    },
    since: () => listening.since,
    look,
  };
}
