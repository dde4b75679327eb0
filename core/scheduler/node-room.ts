import type { Node } from '../resources/schema/node.ts';
import type { Pod } from '../resources/schema/pod.ts';
import { hostPortsOf, type HostPort, PortsInUse } from './host-ports.ts';
import { type Amounts, amountsOf, podRequests } from './requests.ts';

const DEFAULT_MAX_PODS = 110;

/** One node and what is left of it. Changes as pods are put on it. */
export class NodeRoom {
  readonly node: Node;
  readonly name: string;
  readonly #allocatable: Amounts;
  readonly #used = new Map<string, number>();
  readonly #maxPods: number;
  readonly #ports = new PortsInUse();
  readonly #podsByOwner = new Map<string, number>();
  #pods = 0;

  constructor(node: Node) {
    this.node = node;
    this.name = node.metadata.name;
    this.#allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity, 'down');
    this.#maxPods = this.#allocatable.get('pods') ?? DEFAULT_MAX_PODS;
  }

  add(pod: Pod): void {
    for (const [name, amount] of podRequests(pod)) this.#used.set(name, this.usedOf(name) + amount);
    this.#ports.take(hostPortsOf(pod.spec));
    const owner = ownerOf(pod);
    if (owner) this.#podsByOwner.set(owner, this.podsOf(owner) + 1);
    this.#pods++;
  }

  usedOf(resource: string): number {
    return this.#used.get(resource) ?? 0;
  }

  podsOf(owner: string): number {
    return this.#podsByOwner.get(owner) ?? 0;
  }

  get pods(): number {
    return this.#pods;
  }

  /** Why there is no room, in kube-scheduler's words; empty if there is. */
  refusals(requests: Amounts, ports: readonly HostPort[]): string[] {
    const reasons: string[] = [];
    if (this.#pods >= this.#maxPods) reasons.push('Too many pods');
    for (const [name, amount] of requests)
      if (amount > 0 && this.usedOf(name) + amount > (this.#allocatable.get(name) ?? 0)) reasons.push(`Insufficient ${name}`);
    if (this.#ports.conflicts(ports)) reasons.push("node(s) didn't have free ports for the requested pod ports");
    return reasons;
  }

  /** The share of cpu and memory that is taken once `requests` are there too: 0 (empty) to 1 (full). */
  loadWith(requests: Amounts): number {
    return (this.#share('cpu', requests) + this.#share('memory', requests)) / 2;
  }

  #share(resource: string, requests: Amounts): number {
    const there = this.#allocatable.get(resource) ?? 0;
    return there > 0 ? (this.usedOf(resource) + (requests.get(resource) ?? 0)) / there : 1;
  }
}

/** Pods of one owner are spread. */
export function ownerOf(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller)?.uid;
}
