import type { ReadView } from '../../keyspace/types.ts';
import { decodeResource, prefixEnd, resourceKey, resourcePrefix } from '../codec.ts';
import { StatusError } from '../status.ts';
import type { Pod } from '../schema/pod.ts';
import type { PriorityClass } from '../schema/priority-class.ts';

type Importance = Pick<PriorityClass, 'value' | 'preemptionPolicy'>;

/** Classes that are always there, as in Kubernetes. */
const BUILT_IN: Readonly<Record<string, Importance>> = {
  'system-cluster-critical': { value: 2_000_000_000 },
  'system-node-critical': { value: 2_000_001_000 },
};

/**
 * Puts what the pod's PriorityClass says into the pod, as Kubernetes' Priority admission does: a pod keeps the number it was made with.
 * Without a class and a number of its own, the global default's. Mutates its argument. Throws Forbidden if there
 * is no such class, or if the pod says another number.
 */
export function admitPriority(pod: Pod, view: ReadView): void {
  const { spec, metadata } = pod;
  if (!spec.priorityClassName && spec.priority === undefined) {
    const [lowest] = allClasses(view)
      .filter(({ globalDefault }) => globalDefault)
      .sort((a, b) => a.value - b.value);
    if (lowest) spec.priorityClassName = lowest.metadata.name;
  }
  const { priorityClassName } = spec;
  if (priorityClassName) {
    const found = BUILT_IN[priorityClassName] ?? classNamed(view, priorityClassName);
    if (!found) throw forbidden(metadata.name, `no PriorityClass with name ${priorityClassName} was found`);
    if (spec.priority !== undefined && spec.priority !== found.value)
      throw forbidden(
        metadata.name,
        `the PriorityClass ${priorityClassName} says ${found.value}, spec.priority says ${spec.priority}; leave spec.priority out`,
      );
    spec.priority = found.value;
    spec.preemptionPolicy ??= found.preemptionPolicy ?? 'PreemptLowerPriority';
  }
}

// By key, not by kind: the definition of the kind Pod needs this file.
const GROUP = 'scheduling.k8s.io';
const PLURAL = 'priorityclasses';

function allClasses(view: ReadView): PriorityClass[] {
  const prefix = resourcePrefix(GROUP, PLURAL);
  return Array.from(view.range(prefix, prefixEnd(prefix)), (kv) => decodeResource<PriorityClass>(kv));
}

function classNamed(view: ReadView, name: string): PriorityClass | undefined {
  const kv = view.get(resourceKey(GROUP, PLURAL, undefined, name));
  return kv && decodeResource<PriorityClass>(kv);
}

function forbidden(name: string, why: string): StatusError {
  return new StatusError('Forbidden', `pods "${name}" is forbidden: ${why}`, { name, kind: 'pods' });
}
