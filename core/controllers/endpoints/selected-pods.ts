import type { Pod } from '../../resources/schema/pod.ts';
import type { Service } from '../../resources/schema/service.ts';

/** Pods by namespace and label: a thousand Services don't each look at every pod. */
type Buckets = ReadonlyMap<string, readonly Pod[]>;

/** A state's list of pods is one array for as long as no pod changes. */
const indexed = new WeakMap<readonly Pod[], Buckets>();

const bucketOf = (namespace: string | undefined, key: string, value: string) => `${namespace ?? ''}/${key}=${value}`;

/** The pods that a Service's selector finds, in the order of `pods`; undefined if it has none, and its endpoints are made by hand. */
export function selectedPods({ metadata, spec }: Service, pods: readonly Pod[]): readonly Pod[] | undefined {
  const selector = Object.entries(spec?.selector ?? {});
  if (selector.length === 0 || spec?.type === 'ExternalName') return undefined;
  const buckets = bucketsOf(pods);
  const lists = selector.map(([key, value]) => buckets.get(bucketOf(metadata.namespace, key, value)) ?? []);
  const shortest = lists.reduce((least, list) => (list.length < least.length ? list : least));
  return shortest.filter((pod) => selector.every(([key, value]) => pod.metadata.labels?.[key] === value));
}

function bucketsOf(pods: readonly Pod[]): Buckets {
  let buckets = indexed.get(pods);
  if (!buckets) indexed.set(pods, (buckets = index(pods)));
  return buckets;
}

function index(pods: readonly Pod[]): Buckets {
  const buckets = new Map<string, Pod[]>();
  for (const pod of pods) {
    for (const [key, value] of Object.entries(pod.metadata.labels ?? {})) {
      const name = bucketOf(pod.metadata.namespace, key, value);
      const bucket = buckets.get(name);
      if (bucket) bucket.push(pod);
      else buckets.set(name, [pod]);
    }
  }
  return buckets;
}
