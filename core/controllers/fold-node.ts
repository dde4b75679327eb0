import type { InboxItem } from '../ports/inbox.ts';
import { equalJson } from '../resources/equal.ts';
import { labelValue, qualifiedName } from '../resources/names.ts';
import type { Condition } from '../resources/schema/meta.ts';
import type { Node, NodeStatus } from '../resources/schema/node.ts';
import { findCondition, withCondition } from './conditions.ts';
import type { Draft } from './draft.ts';
import type { Tell } from './tell-once.ts';
import { type KeyCheck, ownKeyOf, withKeyOf } from './wireguard-keys.ts';

const MAX_IMAGES = 50;

/**
 * Keeps a Node that is being deleted until its host can no longer report: a report that was already on its way would make it
 * anew, and its pods would never leave.
 */
export const HOST_FINALIZER = 'terrane.dev/host';

/** The Node resource as its host describes it. */
export function foldNode(
  draft: Draft,
  { nodeName, report }: InboxItem,
  node: Node | undefined,
  check: KeyCheck,
  tell: Tell,
  now: number,
): void {
  const key = report.network?.wireguard?.publicKey;
  const holder = key === undefined || node?.metadata.deletionTimestamp ? undefined : check(nodeName, key);
  const network = report.network && (holder === undefined ? report.network : withKeyOf(holder, report.network));
  const kept = node && !network?.wireguard ? ownKeyOf(node) : undefined;
  const told = { ...report.node, ...(network && { network }), ...(kept !== undefined && { wireguardKey: kept }) };
  const status = statusFrom(told, node?.status, now);
  if (!node) {
    const labels = mergedLabels({}, report.labels);
    const metadata = { name: nodeName, labels, finalizers: [HOST_FINALIZER] };
    draft.create({ apiVersion: 'v1', kind: 'Node', metadata, spec: {}, status });
    return;
  }
  if (node.metadata.deletionTimestamp) return;
  if (holder !== undefined) {
    const message =
      `Node ${nodeName} reports the WireGuard key of node ${holder}, which keeps it: packets between ${nodeName} and others are not encrypted. ` +
      `Remove ${holder} if it is gone; else delete wireguard.key in the data directory of ${nodeName}'s agent and restart that: it makes another`;
    tell(node, 'WireGuardKeyRefused', message);
  }
  const labels = mergedLabels(node.metadata.labels ?? {}, report.labels);
  if (!equalJson(labels, node.metadata.labels ?? {})) draft.update({ ...node, metadata: { ...node.metadata, labels } });
  if (equalJson(status, node.status)) return;
  draft.updateStatus({ ...node, status });
  tellReadiness(draft, node, findCondition(node.status?.conditions, 'Ready'), findCondition(status.conditions, 'Ready'));
}

function statusFrom(reported: NodeStatus, before: NodeStatus | undefined, now: number): NodeStatus {
  let conditions: Condition[] = [];
  for (const { type, status, reason, message } of reported.conditions ?? []) {
    const told = { type, status, ...(reason !== undefined && { reason }), ...(message !== undefined && { message }) };
    const [placed] = withCondition(
      before?.conditions?.filter((condition) => condition.type === type),
      told,
      now,
    );
    conditions = [...conditions.filter((condition) => condition.type !== type), placed!];
  }
  const { images, ...rest } = reported;
  return { ...rest, conditions, ...(images && { images: images.slice(0, MAX_IMAGES) }) };
}

function tellReadiness(draft: Draft, node: Node, before: Condition | undefined, after: Condition | undefined): void {
  if (before?.status === after?.status) return;
  const { name } = node.metadata;
  if (after?.status === 'True') draft.because(node, 'Normal', 'NodeReady', `Node ${name} status is now: NodeReady`);
  else {
    const why = [after?.reason, after?.message].filter((text) => text).join(': ');
    draft.because(node, 'Warning', 'NodeNotReady', `Node ${name} status is now: NodeNotReady${why && ` (${why})`}`);
  }
}

/**
 * The host's own facts win over what is stored; other labels of its are a first proposal that people may overrule. Labels
 * that give a host a role or that keep others' pods away from it are for people only (as Kubernetes' NodeRestriction).
 */
function mergedLabels(
  stored: Readonly<Record<string, string>>,
  reported: Readonly<Record<string, string>>,
): Record<string, string> {
  const labels = { ...stored };
  for (const [key, value] of Object.entries(reported)) {
    if (!mayReport(key) || qualifiedName(key) || labelValue(value)) continue;
    if (isFact(key) || !Object.hasOwn(labels, key)) labels[key] = value;
  }
  return labels;
}

const FACTS = new Set([
  'kubernetes.io/hostname',
  'kubernetes.io/arch',
  'kubernetes.io/os',
  'node.kubernetes.io/instance-type',
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
]);

function isFact(key: string): boolean {
  return FACTS.has(key) || domainOf(key) === 'terrane.dev' || domainOf(key).endsWith('.terrane.dev');
}

function mayReport(key: string): boolean {
  const domain = domainOf(key);
  return FACTS.has(key) || !/(^|\.)(kubernetes|k8s)\.io$/.test(domain);
}

const domainOf = (key: string) => (key.includes('/') ? key.slice(0, key.indexOf('/')) : '');
