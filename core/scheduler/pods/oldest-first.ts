import type { Pod } from '../../resources/schema/pod.ts';

/** By creation, and by name where that is equal: an order that does not depend on the one they come in. */
export function oldestFirst(pods: readonly Pod[]): Pod[] {
  const keyed = pods.map((pod) => {
    const { creationTimestamp, namespace, name } = pod.metadata;
    return { pod, key: `${creationTimestamp} ${namespace}/${name}` };
  });
  return keyed.sort((a, b) => (a.key < b.key ? -1 : 1)).map(({ pod }) => pod);
}
