import type { InboxItem } from '../ports/inbox.ts';
import type { HostEvent } from '../node/report.ts';
import type { Event } from '../resources/schema/event.ts';
import type { Node } from '../resources/schema/node.ts';
import { Draft } from './draft.ts';
import { eventAbout, eventName } from './event.ts';
import { foldNode } from './fold-node.ts';
import { foldPod } from './fold-pod.ts';
import { nodeSilentAt } from './node/silence.ts';
import { type AddressCheck, addressCheck } from './pod-addresses.ts';
import { settingsOf } from './settings.ts';
import { type Tell, tellOnce } from './tell-once.ts';
import { timestamp } from './time.ts';
import type { ClusterState, Controller, NewResource } from './types.ts';
import { type KeyCheck, keyCheck } from './wireguard-keys.ts';

/**
 * Brings what hosts reported into the state. Only what changed becomes a change, so heartbeats never reach the log. A host
 * speaks for itself and for the pods that are bound to it; what it says of others is not heard.
 */
export function reportFolder(items: readonly InboxItem[]): Controller {
  const component = 'agent';
  return {
    name: component,
    decide(state, now) {
      const draft = new Draft(component, now);
      const settings = settingsOf(state);
      const checks = { address: addressCheck(state), key: keyCheck(state) };
      const tell = tellOnce(state, draft, component, now);
      for (const item of [...items].sort((a, b) => (a.nodeName < b.nodeName ? -1 : 1))) {
        // What a silent host said last is no longer known to be true.
        if ((nodeSilentAt(state, item.nodeName, settings, now) ?? Number.POSITIVE_INFINITY) <= now) continue;
        const node = state.get('Node', '', item.nodeName);
        draft.attempt(node, () => fold(state, draft, item, node, checks, tell, now));
      }
      return draft.finish();
    },
  };
}

function fold(
  state: ClusterState,
  draft: Draft,
  item: InboxItem,
  node: Node | undefined,
  checks: { readonly address: AddressCheck; readonly key: KeyCheck },
  tell: Tell,
  now: number,
): void {
  foldNode(draft, item, node, checks.key, tell, now);
  for (const event of item.report.events) if (node) foldEvent(state, draft, node, event, item.receivedAt);
  for (const reported of item.report.pods) {
    const pod = state.get('Pod', reported.namespace, reported.name);
    if (pod?.metadata.uid === reported.uid && pod.spec.nodeName === item.nodeName)
      foldPod(draft, pod, reported, checks.address, tell, item.receivedAt, now);
  }
}

/** Its name follows from the host's id for it: a report that repeats it changes nothing. */
function foldEvent(state: ClusterState, draft: Draft, node: Node, event: HostEvent, receivedAt: number): void {
  const pod = event.pod && state.get('Pod', event.pod.namespace, event.pod.name);
  if (event.pod && (pod?.metadata.uid !== event.pod.uid || pod.spec.nodeName !== node.metadata.name)) return;
  const unit = event.unit && state.get('Unit', '', event.unit.name);
  // A unit that is destroyed meanwhile, or whose name another one has, is told of with its host.
  const isUnits =
    unit?.metadata.uid === event.unit?.uid && unit?.status?.hosts?.some(({ nodeName }) => nodeName === node.metadata.name);
  const about = pod ?? (isUnits ? unit : undefined) ?? node;
  const made = eventAbout(about, event, 'agent', Math.min(event.at, receivedAt));
  const name = eventName(about.metadata.name, [node.metadata.uid, event.id]);
  if (state.get('Event', made.metadata.namespace ?? '', name)) return;
  const at = timestamp(Math.min(event.at, receivedAt));
  const told: NewResource<Event> = {
    ...made,
    metadata: { ...made.metadata, name },
    involvedObject: { ...made.involvedObject, ...(event.container && { fieldPath: `spec.containers{${event.container}}` }) },
    firstTimestamp: at,
    lastTimestamp: at,
    source: { component: 'agent', host: node.metadata.name },
    reportingInstance: node.metadata.name,
  };
  draft.create(told);
}
