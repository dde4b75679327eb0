import type { Node } from '../../resources/schema/node.ts';
import type { LabelSelector } from '../../resources/schema/meta.ts';
import type { NodeSelectorTerm, Pod, PodAffinityTerm, TopologySpreadConstraint } from '../../resources/schema/pod.ts';

/**
 * kube-scheduler's filters, said as plainly as they can be over Pods and Nodes themselves: everything is counted anew for every question, and nothing is
 * shared with the scheduler. https://kubernetes.io/docs/concepts/scheduling-eviction/
 */
export interface Cluster {
  readonly nodes: readonly Node[];
  /** Those that are on a node. */
  readonly bound: readonly Pod[];
  readonly namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
}

/** Whether the pod may be put on the node. */
export function mayRun(pod: Pod, node: Node, cluster: Cluster): boolean {
  return (
    !isClosed(node) &&
    isTolerated(pod, node) &&
    isWanted(pod, node) &&
    hasRoom(pod, node, cluster) &&
    hasPorts(pod, node, cluster) &&
    keepsAway(pod, node, cluster) &&
    isNear(pod, node, cluster) &&
    isEven(pod, node, cluster)
  );
}

type Labels = Readonly<Record<string, string>> | undefined;
const label = (labels: Labels, key: string) => (labels && Object.hasOwn(labels, key) ? labels[key] : undefined);
const domain = ({ metadata }: Node, key: string) => label(metadata.labels, key);
const on = (node: Node, { bound }: Cluster) => bound.filter(({ spec }) => spec.nodeName === node.metadata.name);

function isClosed({ spec, status }: Node): boolean {
  return spec?.unschedulable === true || status?.conditions?.find(({ type }) => type === 'Ready')?.status !== 'True';
}

function isTolerated({ spec }: Pod, node: Node): boolean {
  return (node.spec?.taints ?? []).every(
    (taint) =>
      taint.effect === 'PreferNoSchedule' ||
      (spec.tolerations ?? []).some(
        ({ key, operator = 'Equal', value = '', effect }) =>
          (!effect || effect === taint.effect) &&
          (!key || key === taint.key) &&
          (operator === 'Exists' || value === (taint.value ?? '')),
      ),
  );
}

function holds(labels: Labels, { key, operator, values = [] }: { key: string; operator: string; values?: string[] }): boolean {
  const value = label(labels, key);
  const numbers = [value, values[0]].map((text) => (text !== undefined && /^-?\d+$/.test(text) ? BigInt(text) : undefined));
  const [have, bound] = numbers;
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return have !== undefined && bound !== undefined && have > bound;
    default:
      return have !== undefined && bound !== undefined && have < bound;
  }
}

function isWanted({ spec }: Pod, node: Node): boolean {
  const { labels, name } = node.metadata;
  if (Object.entries(spec.nodeSelector ?? {}).some(([key, value]) => label(labels, key) !== value)) return false;
  const term = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm) =>
    matchExpressions.length + matchFields.length > 0 &&
    matchExpressions.every((each) => holds(labels, each)) &&
    matchFields.every((each) => holds({ 'metadata.name': name }, each));
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || required.nodeSelectorTerms.some(term);
}

const UNITS = { '': 1, Mi: 2 ** 20, Gi: 2 ** 30 } as const;

/** In thousandths. */
function amount(quantity: string | number | undefined): number {
  const [, number, unit] = /^(\d+)(m|Mi|Gi|)$/.exec(String(quantity ?? 0))!;
  return unit === 'm' ? Number(number) : Number(number) * 1_000 * UNITS[unit as keyof typeof UNITS];
}

function wants({ spec }: Pod, resource: string): number {
  const each = ({ resources }: Pod['spec']['containers'][number]) =>
    amount(resources?.requests?.[resource] ?? resources?.limits?.[resource]);
  const together = spec.containers.reduce((sum, container) => sum + each(container), 0);
  return Math.max(together, ...(spec.initContainers ?? []).map(each));
}

function hasRoom(pod: Pod, node: Node, cluster: Cluster): boolean {
  const here = on(node, cluster);
  const room = node.status?.allocatable ?? {};
  if (here.length >= Number(room['pods'] ?? 110)) return false;
  const lists = pod.spec.containers
    .concat(pod.spec.initContainers ?? [])
    .flatMap(({ resources }) => [resources?.limits, resources?.requests]);
  return lists
    .flatMap((list) => Object.keys(list ?? {}))
    .every((resource) => {
      const taken = here.reduce((sum, each) => sum + wants(each, resource), 0);
      return wants(pod, resource) === 0 || taken + wants(pod, resource) <= amount(room[resource]);
    });
}

function hasPorts(pod: Pod, node: Node, cluster: Cluster): boolean {
  const ports = ({ spec }: Pod) =>
    spec.containers
      .flatMap((container) => container.ports ?? [])
      .map(({ hostPort, hostIP, protocol, containerPort }) => ({
        port: hostPort || (spec.hostNetwork ? containerPort : 0),
        ip: hostIP || '0.0.0.0',
        protocol: protocol ?? 'TCP',
      }))
      .filter(({ port }) => port > 0);
  const theirs = on(node, cluster).flatMap(ports);
  return ports(pod).every(({ port, ip, protocol }) =>
    theirs.every(
      (other) =>
        other.port !== port || other.protocol !== protocol || (other.ip !== ip && other.ip !== '0.0.0.0' && ip !== '0.0.0.0'),
    ),
  );
}

function selects(selector: LabelSelector | undefined, labels: Labels): boolean {
  return (
    selector !== undefined &&
    Object.entries(selector.matchLabels ?? {}).every(([key, value]) => label(labels, key) === value) &&
    (selector.matchExpressions ?? []).every((each) => holds(labels, each))
  );
}

/** Whether a term of `owner`'s means the other pod. */
function means(term: PodAffinityTerm, owner: Pod, other: Pod, { namespaces }: Cluster): boolean {
  const { namespaces: named = [], namespaceSelector } = term;
  const home = named.length === 0 && !namespaceSelector ? [owner.metadata.namespace] : named;
  const there = other.metadata.namespace ?? '';
  const within = home.includes(there) || (namespaceSelector !== undefined && selects(namespaceSelector, namespaces.get(there)));
  return within && selects(term.labelSelector, other.metadata.labels);
}

function everyone(cluster: Cluster): { readonly other: Pod; readonly there: Node }[] {
  return cluster.nodes.flatMap((there) => on(there, cluster).map((other) => ({ other, there })));
}

const together = (a: Node, b: Node, key: string) => domain(a, key) !== undefined && domain(a, key) === domain(b, key);

function keepsAway(pod: Pod, node: Node, cluster: Cluster): boolean {
  const terms = ({ spec }: Pod) => spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return everyone(cluster).every(
    ({ other, there }) =>
      !terms(pod).some((term) => means(term, pod, other, cluster) && together(node, there, term.topologyKey)) &&
      !terms(other).some((term) => means(term, other, pod, cluster) && together(node, there, term.topologyKey)),
  );
}

/** Only pods that match all terms count; the first that matches its own may start anywhere. */
function isNear(pod: Pod, node: Node, cluster: Cluster): boolean {
  const terms = pod.spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  if (terms.length === 0) return true;
  if (terms.some(({ topologyKey }) => domain(node, topologyKey) === undefined)) return false;
  const matches = (other: Pod) => terms.every((term) => means(term, pod, other, cluster));
  const near = everyone(cluster).filter(({ other }) => matches(other));
  const any = near.some(({ there }) => terms.some(({ topologyKey }) => domain(there, topologyKey) !== undefined));
  return terms.every(({ topologyKey }) => near.some(({ there }) => together(node, there, topologyKey))) || (!any && matches(pod));
}

function isEven(pod: Pod, node: Node, cluster: Cluster): boolean {
  const all = (pod.spec.topologySpreadConstraints ?? []).filter(({ whenUnsatisfiable }) => whenUnsatisfiable === 'DoNotSchedule');
  const counts = (constraint: TopologySpreadConstraint, each: Node) =>
    all.every(({ topologyKey }) => domain(each, topologyKey) !== undefined) &&
    (constraint.nodeAffinityPolicy === 'Ignore' || isWanted(pod, each)) &&
    (constraint.nodeTaintsPolicy !== 'Honor' || (!isClosed(each) && isTolerated(pod, each)));
  return all.every((constraint) => {
    const { topologyKey, labelSelector, matchLabelKeys = [], maxSkew, minDomains = 1 } = constraint;
    const own = pod.metadata.labels;
    const matches = ({ metadata }: Pod) =>
      metadata.namespace === pod.metadata.namespace &&
      selects(labelSelector, metadata.labels) &&
      matchLabelKeys.every((key) => label(own, key) === undefined || label(own, key) === label(metadata.labels, key));
    const domains = new Map<string, number>();
    for (const each of cluster.nodes.filter((other) => counts(constraint, other))) {
      const staying = on(each, cluster).filter((other) => !other.metadata.deletionTimestamp && matches(other));
      domains.set(domain(each, topologyKey)!, (domains.get(domain(each, topologyKey)!) ?? 0) + staying.length);
    }
    const least = domains.size < Math.max(1, minDomains) ? 0 : Math.min(...domains.values());
    const here = domain(node, topologyKey);
    return here !== undefined && (domains.get(here) ?? 0) + (matches(pod) ? 1 : 0) - least <= maxSkew;
  });
}
