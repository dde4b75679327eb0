import type { Notifier } from '../../core/ports/notifier.ts';
import type { Connections } from './connections.ts';

/** Hints over this process's own connections. A host that isn't connected learns by its poll. */
export function localNotifier(connections: Connections): Notifier {
  return {
    async notify(tenant, cluster, nodeNames, revision) {
      for (const nodeName of nodeNames) connections.send(tenant, cluster, nodeName, { type: 'hint', revision });
    },
  };
}
