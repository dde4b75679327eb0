import { Command } from 'commander';
import type { Event } from '../../core/resources/schema/event.ts';
import { inOrder } from '../../core/status/event-order.ts';
import type { Io } from '../io.ts';
import type { KubeClient, KubeObject } from '../kube/client.ts';
import { EVENT } from '../kube/kinds.ts';
import { type KindInfo, REPLICA_SET, DEPLOYMENT, POD, NODE } from '../kube/kinds.ts';
import { parseOne } from '../kube/names.ts';
import { getTable, type KubeTable } from '../kube/table.ts';
import { type NamespaceOptions, withNamespace } from '../options.ts';
import { printJson } from '../output/print.ts';
import { describeObject } from '../output/describe.ts';
import { openSession } from '../session.ts';

export function describeCommand(io: Io): Command {
  return withNamespace(new Command('describe'))
    .summary('all about one resource, with what happened to it')
    .argument('<kind>', 'KIND NAME, or KIND/NAME')
    .argument('[name]')
    .action(async (kind: string, name: string | undefined, options: NamespaceOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const one = await parseOne(kube, name === undefined ? [kind] : [kind, name]);
      const object = await kube.get(one.kind, { namespace: options.namespace, name: one.name });
      const [events, pods] = await Promise.all([eventsOf(kube, one.kind, object), podsOf(kube, one.kind, object)]);
      if (session.json) await printJson(io, { object, events });
      else await describeObject(io, { kind: one.kind, object, events, pods });
    });
}

/** Oldest first. A node's Events are in the default namespace. */
async function eventsOf(kube: KubeClient, kind: KindInfo, { metadata }: KubeObject): Promise<Event[]> {
  const fieldSelector = `involvedObject.kind=${kind.kind},involvedObject.name=${metadata.name}`;
  const { items } = await kube.list<Event>(EVENT, metadata.namespace, { fieldSelector });
  const sameOne = items.filter(
    ({ involvedObject: { uid } }) => !uid || !metadata.uid || uid === metadata.uid || uid === metadata.name,
  );
  return sameOne.sort(inOrder);
}

/** The pods that it is about, as the server tabulates them. */
async function podsOf(kube: KubeClient, kind: KindInfo, object: KubeObject): Promise<KubeTable | undefined> {
  if (kind === NODE) return getTable(kube, POD, {}, { fieldSelector: `spec.nodeName=${object.metadata.name}` });
  const { selector } = (object.spec ?? {}) as { selector?: { matchLabels?: Record<string, string> } };
  if ((kind !== DEPLOYMENT && kind !== REPLICA_SET) || !selector?.matchLabels) return undefined;
  const labelSelector = Object.entries(selector.matchLabels)
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
  return getTable(kube, POD, { namespace: object.metadata.namespace }, { labelSelector });
}
