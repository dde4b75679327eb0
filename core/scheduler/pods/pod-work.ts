import { matchesSelector } from '../../resources/selectors.ts';
import type { LabelSelector } from '../../resources/schema/meta.ts';
import type { Node } from '../../resources/schema/node.ts';
import type { Pod, PodAffinityTerm } from '../../resources/schema/pod.ts';
import { HOST, type SchedulingNode, type Spread, type Term, type Work } from '../engine/work.ts';
import { hostPortsOf } from '../host-ports.ts';
import { amountsOf, podRequests } from '../requests.ts';
import { requiredNodes, termFilter } from './node-filter.ts';

/** Pods and Nodes in the engine's words. */

const DEFAULT_MAX_PODS = 110;
const ZONE = 'topology.kubernetes.io/zone';

/** Labels of each namespace, for terms that select namespaces. */
export type NamespaceLabels = ReadonlyMap<string, Readonly<Record<string, string>>>;

export function schedulingNode(node: Node): SchedulingNode {
  const room = amountsOf(node.status?.allocatable ?? node.status?.capacity, 'down');
  if (!room.has('pods')) room.set('pods', DEFAULT_MAX_PODS);
  const closed = closedBecause(node);
  return {
    name: node.metadata.name,
    labels: node.metadata.labels ?? {},
    taints: node.spec?.taints ?? [],
    room,
    ...(closed !== undefined && { closed }),
  };
}

function closedBecause({ metadata, spec, status }: Node): string | undefined {
  if (metadata.deletionTimestamp) return 'node(s) were being deleted';
  if (spec?.unschedulable) return 'node(s) were unschedulable';
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return ready ? undefined : 'node(s) were not ready';
}

const keys = new WeakMap<Pod, string>();

/** Pods with the same key are one class: they differ in nothing that placing looks at. */
export function classKey(pod: Pod): string {
  let key = keys.get(pod);
  if (key === undefined) {
    const { namespace, labels, deletionTimestamp } = pod.metadata;
    const { nodeSelector, tolerations, affinity, topologySpreadConstraints, priority, preemptionPolicy } = pod.spec;
    const requests = sorted(Object.fromEntries(podRequests(pod)));
    const constraints = [sorted(nodeSelector), tolerations, affinity, topologySpreadConstraints, hostPortsOf(pod.spec)];
    const rest = [priority ?? 0, preemptionPolicy, deletionTimestamp !== undefined];
    key = JSON.stringify([namespace, sorted(labels), ownerOf(pod), requests, constraints, rest]);
    keys.set(pod, key);
  }
  return key;
}

const sorted = (record: Readonly<Record<string, unknown>> = {}) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

export function podWork(pod: Pod, namespaces: NamespaceLabels): Work {
  const { spec, metadata } = pod;
  const { namespace = '', labels = {} } = metadata;
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const filter = requiredNodes(spec);
  const owner = ownerOf(pod);
  const term = (given: PodAffinityTerm) => affinityTerm(given, namespace, namespaces);
  return {
    namespace,
    name: metadata.name,
    labels,
    ...(owner !== undefined && { owner }),
    ...(metadata.deletionTimestamp !== undefined && { ending: true }),
    requests: podRequests(pod),
    ports: hostPortsOf(spec),
    tolerations: spec.tolerations ?? [],
    ...(filter && { filter }),
    preferences: (nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, preference }) => ({
      weight,
      filter: termFilter(preference),
    })),
    needs: together((podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term)),
    avoids: (podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
    replaces: [],
    likes: [
      ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
        weight,
        term: term(podAffinityTerm),
      })),
      ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(({ weight, podAffinityTerm }) => ({
        weight: -weight,
        term: term(podAffinityTerm),
      })),
    ],
    spread: spreadOf(pod, owner),
    priority: spec.priority ?? 0,
    preempts: spec.preemptionPolicy !== 'Never',
  };
}

/** The pod's own constraints; without any, the pods of one owner are spread over zones and hosts as well as it goes. */
function spreadOf(pod: Pod, owner: string | undefined): Spread[] {
  const { topologySpreadConstraints: given = [] } = pod.spec;
  const { namespace = '', labels = {} } = pod.metadata;
  if (given.length === 0) return owner === undefined ? [] : [ZONE, HOST].map((key) => siblings(owner, key));
  return given.map((constraint) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector, matchLabelKeys = [] } = constraint;
    const own = matchLabelKeys.filter((key) => Object.hasOwn(labels, key)).map((key) => [key, labels[key]!] as const);
    const selector = labelSelector && {
      ...labelSelector,
      matchLabels: { ...Object.fromEntries(own), ...labelSelector.matchLabels },
    };
    return {
      term: staying(selectorTerm(selector, topologyKey, [namespace])),
      maxSkew,
      required: whenUnsatisfiable === 'DoNotSchedule',
      minDomains: constraint.minDomains ?? 1,
      honourFilter: constraint.nodeAffinityPolicy !== 'Ignore',
      honourTaints: constraint.nodeTaintsPolicy === 'Honor',
    };
  });
}

function siblings(owner: string, topologyKey: string): Spread {
  const term: Term = { key: `owner ${owner}`, topologyKey, owner, matches: (work) => work.owner === owner };
  return { term: staying(term), maxSkew: 1, required: false, minDomains: 1, honourFilter: true, honourTaints: false };
}

/** A pod that is ending is no reason to put the next one elsewhere: evenness is about those that stay. As kube-scheduler has it. */
function staying(term: Term): Term {
  return { ...term, key: `staying ${term.key}`, matches: (work) => !work.ending && term.matches(work) };
}

/** Of several terms each pod that counts must match all. As kube-scheduler has it. */
function together(terms: readonly Term[]): readonly Term[] {
  if (terms.length < 2) return terms;
  const key = JSON.stringify(terms.map((term) => term.key));
  return terms.map((each) => ({ ...each, key, matches: (work) => terms.every((term) => term.matches(work)) }));
}

function affinityTerm(
  { labelSelector, topologyKey, namespaces = [], namespaceSelector }: PodAffinityTerm,
  home: string,
  known: NamespaceLabels,
): Term {
  const listed = namespaces.length === 0 && !namespaceSelector ? [home] : namespaces;
  const selected = namespaceSelector
    ? [...known].filter(([, labels]) => matchesSelector(namespaceSelector, labels)).map(([name]) => name)
    : [];
  return selectorTerm(labelSelector, topologyKey, [...new Set([...listed, ...selected])].sort());
}

/** Pods of these namespaces that the selector fits; without a selector none (Kubernetes' rule). */
function selectorTerm(selector: LabelSelector | undefined, topologyKey: string, namespaces: readonly string[]): Term {
  const within = new Set(namespaces);
  const [label] = Object.entries(selector?.matchLabels ?? {});
  return {
    key: JSON.stringify([namespaces, sorted(selector?.matchLabels), selector?.matchExpressions, selector === undefined]),
    topologyKey,
    matches: (work) => within.has(work.namespace) && matchesSelector(selector, work.labels),
    ...(label && { label: { key: label[0], value: label[1] } }),
  };
}

/** Pods of one owner are spread. */
function ownerOf(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller)?.uid;
}
