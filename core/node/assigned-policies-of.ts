import { contentDigest } from '../controllers/digest.ts';
import { isFinished, podAddress } from '../controllers/pod-state.ts';
import type { ClusterState } from '../controllers/types.ts';
import { matchesSelector } from '../resources/selectors.ts';
import type { LabelSelector } from '../resources/schema/meta.ts';
import type { Namespace } from '../resources/schema/namespace.ts';
import type { NetworkPolicy, PolicyPeer, PolicyPort } from '../resources/schema/network-policy.ts';
import type { Pod } from '../resources/schema/pod.ts';
import type {
  AssignedGroup,
  AssignedIsolation,
  AssignedPolicies,
  AssignedPolicyPorts,
  AssignedPolicyRule,
} from './assigned-policies.ts';

type State = Pick<ClusterState, 'list' | 'podsOn'>;

/** undefined: no policy selects a pod of this host. https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
export function assignedPoliciesOf(state: State, nodeName: string): AssignedPolicies | undefined {
  const policies = state.list('NetworkPolicy');
  if (policies.length === 0) return undefined;
  const compiler = new Compiler(state);
  const pods = state.podsOn(nodeName).flatMap((pod) => compiler.isolationOf(pod, policies) ?? []);
  return pods.length === 0 ? undefined : { pods, rules: compiler.rules, groups: compiler.groups() };
}

/** What of a pod other hosts' policies look at; undefined: nothing of it. */
export function peerOf(pod: Pod): unknown {
  if (!isPeer(pod)) return undefined;
  const ports = pod.spec.containers.flatMap((container) => container.ports ?? []);
  return { ip: podAddress(pod), labels: pod.metadata.labels, ports };
}

/** Pods on their host's network have its address: selectors don't find them, and nothing isolates them. */
function isPeer(pod: Pod): boolean {
  return podAddress(pod) !== undefined && pod.spec.hostNetwork !== true && !isFinished(pod);
}

/** Pods' addresses by selector, worked out once for all hosts that ask at one revision. */
const found = new WeakMap<
  readonly Pod[],
  { readonly namespaces: readonly Namespace[]; readonly groups: Map<string, readonly Pod[]> }
>();

class Compiler {
  readonly rules: AssignedPolicyRule[] = [];
  readonly #state: State;
  readonly #ruleIndex = new Map<string, number>();
  readonly #groups = new Map<string, AssignedGroup>();

  constructor(state: State) {
    this.#state = state;
  }

  groups(): AssignedGroup[] {
    return [...this.#groups.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  isolationOf(pod: Pod, policies: readonly NetworkPolicy[]): AssignedIsolation | undefined {
    if (pod.spec.hostNetwork || isFinished(pod)) return undefined;
    const own = policies.filter(
      ({ metadata, spec }) =>
        metadata.namespace === pod.metadata.namespace && matchesSelector(spec?.podSelector ?? {}, pod.metadata.labels),
    );
    const ingress = own.filter(({ spec }) => spec?.policyTypes?.includes('Ingress'));
    const egress = own.filter(({ spec }) => spec?.policyTypes?.includes('Egress'));
    if (ingress.length + egress.length === 0) return undefined;
    const indexes = (rules: readonly AssignedPolicyRule[]) =>
      [...new Set(rules.map((rule) => this.#indexOf(rule)))].sort(ascending);
    return {
      uid: pod.metadata.uid,
      ...(ingress.length > 0 && { ingress: indexes(ingress.flatMap((policy) => this.#ingress(policy, pod))) }),
      ...(egress.length > 0 && { egress: indexes(egress.flatMap((policy) => this.#egress(policy))) }),
    };
  }

  #indexOf(rule: AssignedPolicyRule): number {
    const key = JSON.stringify(rule);
    let index = this.#ruleIndex.get(key);
    if (index === undefined) this.#ruleIndex.set(key, (index = this.rules.push(rule) - 1));
    return index;
  }

  /** Named ports are those of the pod that is called. */
  #ingress({ metadata, spec }: NetworkPolicy, pod: Pod): AssignedPolicyRule[] {
    return (spec?.ingress ?? []).flatMap(({ from, ports }) => {
      const numbers = portsOf(ports, (name, protocol) => containerPort(pod, name, protocol));
      if (numbers?.length === 0) return [];
      return [this.#rule(from, metadata.namespace ?? '', numbers)];
    });
  }

  /** As the pods that are called may give one name different numbers, each number is a rule of its own, to the pods that have it. */
  #egress({ metadata, spec }: NetworkPolicy): AssignedPolicyRule[] {
    const namespace = metadata.namespace ?? '';
    return (spec?.egress ?? []).flatMap(({ to, ports }) => {
      const numbers = portsOf(ports, () => undefined);
      const plain = numbers === undefined || numbers.length > 0 ? [this.#rule(to, namespace, numbers)] : [];
      const named = (ports ?? []).filter(({ port }) => typeof port === 'string');
      return [...plain, ...named.flatMap((port) => this.#named(to, namespace, port))];
    });
  }

  #named(to: readonly PolicyPeer[] | undefined, namespace: string, { port, protocol = 'TCP' }: PolicyPort): AssignedPolicyRule[] {
    const peers = to?.length ? to.filter(({ ipBlock }) => !ipBlock) : [{ namespaceSelector: {} }];
    const byNumber = new Map<number, Pod[]>();
    for (const peer of peers) {
      for (const pod of this.#podsOf(peer, namespace)) {
        const number = containerPort(pod, String(port), protocol);
        if (number !== undefined) byNumber.set(number, [...(byNumber.get(number) ?? []), pod]);
      }
    }
    return [...byNumber].map(([number, pods]) => {
      const id = this.#group(contentDigest(['named', namespace, peers, port, protocol, number]), pods);
      return { peers: { groups: [id], blocks: [] }, ports: [{ protocol, from: number, to: number }] };
    });
  }

  #rule(
    peers: readonly PolicyPeer[] | undefined,
    namespace: string,
    ports: readonly AssignedPolicyPorts[] | undefined,
  ): AssignedPolicyRule {
    if (!peers?.length) return { ...(ports && { ports }) };
    const groups = peers.flatMap((peer) =>
      peer.ipBlock ? [] : [this.#group(contentDigest(selection(peer, namespace)), this.#podsOf(peer, namespace))],
    );
    const blocks = peers.flatMap(({ ipBlock }) => (ipBlock ? [{ cidr: ipBlock.cidr, except: ipBlock.except ?? [] }] : []));
    return { peers: { groups: [...new Set(groups)].sort(), blocks }, ...(ports && { ports }) };
  }

  #group(digest: string, pods: readonly Pod[]): string {
    const id = digest.replace(/[^A-Za-z0-9]/g, '').slice(0, 16);
    if (!this.#groups.has(id)) {
      const addresses = [...new Set(pods.map((pod) => podAddress(pod)!))].sort();
      this.#groups.set(id, { id, addresses });
    }
    return id;
  }

  #podsOf(peer: PolicyPeer, namespace: string): readonly Pod[] {
    const pods = this.#state.list('Pod');
    const namespaces = this.#state.list('Namespace');
    let known = found.get(pods);
    if (known?.namespaces !== namespaces) found.set(pods, (known = { namespaces, groups: new Map() }));
    const key = JSON.stringify(selection(peer, namespace));
    let group = known.groups.get(key);
    if (!group) known.groups.set(key, (group = select(peer, namespace, pods, namespaces)));
    return group;
  }
}

const ascending = (a: number, b: number) => a - b;

/** Without a namespaceSelector the policy's own namespace is meant. */
function selection({ podSelector, namespaceSelector }: PolicyPeer, namespace: string): unknown {
  return [namespaceSelector ?? namespace, podSelector ?? {}];
}

function select(
  { podSelector = {}, namespaceSelector }: PolicyPeer,
  namespace: string,
  pods: readonly Pod[],
  namespaces: readonly Namespace[],
): Pod[] {
  const homes = namespaceSelector ? namesMatching(namespaceSelector, namespaces) : new Set([namespace]);
  return pods.filter(
    (pod) => isPeer(pod) && homes.has(pod.metadata.namespace ?? '') && matchesSelector(podSelector, pod.metadata.labels),
  );
}

function namesMatching(selector: LabelSelector, namespaces: readonly Namespace[]): Set<string> {
  return new Set(
    namespaces.filter(({ metadata }) => matchesSelector(selector, metadata.labels)).map(({ metadata }) => metadata.name),
  );
}

/** undefined: all ports. Names that stand for nothing here are left out. */
function portsOf(
  ports: readonly PolicyPort[] | undefined,
  numberOf: (name: string, protocol: string) => number | undefined,
): AssignedPolicyPorts[] | undefined {
  if (!ports?.length) return undefined;
  return ports.flatMap(({ protocol = 'TCP', port, endPort }): AssignedPolicyPorts[] => {
    if (port === undefined) return [{ protocol }];
    const from = typeof port === 'number' ? port : numberOf(port, protocol);
    return from === undefined ? [] : [{ protocol, from, to: endPort ?? from }];
  });
}

function containerPort({ spec }: Pod, name: string, protocol: string): number | undefined {
  for (const { ports = [] } of spec.containers) {
    const port = ports.find((each) => each.name === name && (each.protocol ?? 'TCP') === protocol);
    if (port) return port.containerPort;
  }
  return undefined;
}
