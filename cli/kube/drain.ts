import type { Pod } from '../../core/resources/schema/pod.ts';
import { CliError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { duration } from '../output/age.ts';
import { type KubeClient, kindPath } from './client.ts';
import { POD } from './kinds.ts';

export interface DrainOptions {
  readonly force: boolean;
  readonly timeoutSeconds: number;
  readonly quiet: boolean;
  /** Called when it is sure that the drain will be done. */
  readonly cordon: () => Promise<unknown>;
}

const RETRY_MS = 2000;

/** Evicts every pod of a node and waits until they are gone. An eviction that is not allowed now (429) is asked for again. */
export async function drainNode(io: Io, kube: KubeClient, node: string, options: DrainOptions): Promise<string[]> {
  const deadline = io.now() + options.timeoutSeconds * 1000;
  const pods = await podsOn(kube, node);
  const lost = pods.filter(({ metadata }) => !metadata.ownerReferences?.some(({ controller }) => controller));
  if (lost.length > 0 && !options.force) {
    throw new CliError(`nothing would bring these pods back elsewhere: ${lost.map(nameOf).join(', ')}`, {
      code: 'unmanaged_pods',
      fix: 'Delete them yourself, or add --force to lose them. Nothing was changed.',
    });
  }
  await options.cordon();
  for (const pod of pods) await evict(io, kube, pod, deadline, options.quiet);
  for (const pod of pods) await gone(io, kube, pod, deadline);
  return pods.map(nameOf);
}

async function podsOn(kube: KubeClient, node: string): Promise<Pod[]> {
  const { items } = await kube.list<Pod>(POD, undefined, { fieldSelector: `spec.nodeName=${node}` });
  return items.filter(
    ({ status, metadata }) => (status?.phase !== 'Succeeded' && status?.phase !== 'Failed') || metadata.deletionTimestamp,
  );
}

async function evict(io: Io, kube: KubeClient, pod: Pod, deadline: number, quiet: boolean): Promise<void> {
  const { name, namespace = 'default', uid } = pod.metadata;
  const body = {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace },
    deleteOptions: { preconditions: { uid } },
  };
  for (;;) {
    try {
      await kube.json({ method: 'POST', path: kindPath(POD, { namespace, name, subresource: 'eviction' }), body });
      if (!quiet) await line(io.err, `evicted ${nameOf(pod)}`);
      return;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      // Gone, or another pod of that name by now.
      if (error.status === 404 || error.status === 409) return;
      if (error.status !== 429) throw error;
      if (io.now() > deadline)
        throw new CliError(`${nameOf(pod)} may not be evicted: ${error.message}`, {
          fix: 'The node stays cordoned. Run the drain again later.',
        });
      if (!quiet) await line(io.err, `${nameOf(pod)} has to wait: ${error.message}`);
      await io.sleep(RETRY_MS);
    }
  }
}

async function gone(io: Io, kube: KubeClient, pod: Pod, deadline: number): Promise<void> {
  const { name, namespace = 'default', uid } = pod.metadata;
  const started = io.now();
  for (;;) {
    try {
      if ((await kube.get(POD, { namespace, name })).metadata.uid !== uid) return;
    } catch (error) {
      if (error instanceof CliError && error.status === 404) return;
      throw error;
    }
    if (io.now() > deadline)
      throw new CliError(`${nameOf(pod)} is still ending after ${duration(io.now() - started)}`, {
        fix: 'The node stays cordoned. Is its agent running? See: terrane status',
      });
    await io.sleep(500);
  }
}

function nameOf({ metadata }: Pod): string {
  return `${metadata.namespace ?? 'default'}/${metadata.name}`;
}
