import { parseQuantity } from '../resources/quantity.ts';
import type { Pod, PodSpec } from '../resources/schema/pod.ts';

/** Amounts by resource name: cpu in millicores, everything else in whole units (bytes, pieces). */
export type Amounts = ReadonlyMap<string, number>;

type ResourceList = Readonly<Record<string, string | number>> | undefined;

const NANO_PER_MILLI = 1_000_000n;
const NANO = 1_000_000_000n;

/** What there is is rounded down, what is asked for is rounded up: room is never promised twice. */
export function amountsOf(list: ResourceList, round: 'up' | 'down'): Map<string, number> {
  const amounts = new Map<string, number>();
  for (const [name, quantity] of Object.entries(list ?? {})) {
    const unit = name === 'cpu' ? NANO_PER_MILLI : NANO;
    const { nano } = parseQuantity(quantity);
    amounts.set(name, Number(round === 'up' ? (nano + unit - 1n) / unit : nano / unit));
  }
  return amounts;
}

const known = new WeakMap<PodSpec, Amounts>();

/**
 * What a pod takes of a node: the sum of its containers, or its largest init container if that is more (they run one by
 * one, before the others). A limit without a request counts as the request.
 */
export function podRequests({ spec }: Pod): Amounts {
  let requests = known.get(spec);
  if (!requests) known.set(spec, (requests = computeRequests(spec)));
  return requests;
}

/** A limit of each container that takes nothing of the node, which has no such resource. */
const PIDS = 'pids';

function computeRequests(spec: PodSpec): Amounts {
  const total = new Map<string, number>();
  for (const { resources } of spec.containers) {
    for (const [name, amount] of amountsOf({ ...resources?.limits, ...resources?.requests }, 'up'))
      total.set(name, (total.get(name) ?? 0) + amount);
  }
  for (const { resources } of spec.initContainers ?? []) {
    for (const [name, amount] of amountsOf({ ...resources?.limits, ...resources?.requests }, 'up'))
      total.set(name, Math.max(total.get(name) ?? 0, amount));
  }
  total.delete(PIDS);
  return total;
}
