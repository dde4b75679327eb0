import { CliError } from '../errors.ts';
import { type KubeClient, type KubeObject, kindPath } from './client.ts';
import { type KindInfo, kindOfManifest, NAMESPACE } from './kinds.ts';
import { lastApplied, withLastApplied } from './last-applied.ts';
import { located } from './located-error.ts';
import type { Manifest, ManifestObject } from './manifests.ts';
import { threeWayPatch } from './three-way.ts';

export type ApplyAction = 'created' | 'configured' | 'unchanged';

export interface Applied {
  readonly kind: KindInfo;
  readonly action: ApplyAction;
  readonly object: KubeObject;
}

/** A manifest whose kind and namespace are settled. */
export interface Settled {
  readonly kind: KindInfo;
  readonly namespace: string | undefined;
  readonly manifest: Manifest;
}

/** Finds out kinds and namespaces. Names every unknown kind and every contradiction at once; nothing has been sent then. */
export async function settle(
  kube: KubeClient,
  manifests: readonly Manifest[],
  namespace: { readonly name: string; readonly explicit: boolean },
): Promise<Settled[]> {
  const problems: string[] = [];
  const settled: Settled[] = [];
  for (const manifest of manifests) {
    const { apiVersion, kind: kindName, metadata } = manifest.object;
    const kind = await kindOfManifest(kube, apiVersion, kindName);
    if (!kind) problems.push(`${manifest.locate('kind')}: this cluster has no kind ${kindName} in ${apiVersion}`);
    else if (kind.namespaced && namespace.explicit && metadata.namespace && metadata.namespace !== namespace.name)
      problems.push(
        `${manifest.locate('metadata.namespace')}: is in namespace ${metadata.namespace}, but -n says ${namespace.name}`,
      );
    else settled.push({ kind, namespace: kind.namespaced ? (metadata.namespace ?? namespace.name) : undefined, manifest });
  }
  if (problems.length > 0) throw new CliError(problems.join('\n'), { code: 'invalid_manifest', fix: 'Nothing was changed.' });
  // What others live in comes first.
  return [...settled.filter(({ kind }) => kind === NAMESPACE), ...settled.filter(({ kind }) => kind !== NAMESPACE)];
}

/**
 * Asks the server whether it would take all of them, so that a mistake in the last doesn't leave the first ones changed. Objects
 * in a namespace that is only about to be made can't be asked about.
 */
export async function preflight(kube: KubeClient, all: readonly Settled[]): Promise<void> {
  const coming = new Set(all.filter(({ kind }) => kind === NAMESPACE).map(({ manifest }) => manifest.object.metadata.name));
  const problems: string[] = [];
  for (const settled of all) {
    if (settled.namespace && coming.has(settled.namespace)) continue;
    try {
      await applyOne(kube, settled, true);
    } catch (error) {
      if (!(error instanceof CliError) || (error.status ?? 500) >= 500 || error.status === 401) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0) throw new CliError(problems.join('\n'), { code: 'invalid_manifest', fix: 'Nothing was changed.' });
}

/** Creates the object or patches it to what the manifest says. */
export async function applyOne(kube: KubeClient, settled: Settled, dryRun: boolean): Promise<Applied> {
  try {
    return await createOrPatch(kube, settled, dryRun);
  } catch (error) {
    throw located(error, settled.manifest);
  }
}

async function createOrPatch(kube: KubeClient, { kind, namespace, manifest }: Settled, dryRun: boolean): Promise<Applied> {
  const wanted = withLastApplied(manifest.object, namespace);
  const { name } = wanted.metadata;
  const query = { fieldManager: 'terrane', fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined };
  for (let attempt = 1; ; attempt++) {
    const current = await kube.find(kind, { namespace, name });
    try {
      if (current === undefined) {
        const path = kindPath(kind, { namespace });
        return { kind, action: 'created', object: await kube.json<KubeObject>({ method: 'POST', path, query, body: wanted }) };
      }
      const { patch, contentType } = await patchFor(wanted, current);
      if (patch === undefined) return { kind, action: 'unchanged', object: current };
      const path = kindPath(kind, { namespace, name });
      const object = await kube.json<KubeObject>({ method: 'PATCH', path, query, body: patch, contentType });
      const changed = object.metadata.resourceVersion !== current.metadata.resourceVersion || dryRun;
      return { kind, action: changed ? 'configured' : 'unchanged', object };
    } catch (error) {
      // Made or removed by somebody else in between: look again.
      const raced = error instanceof CliError && (current === undefined ? error.status === 409 : error.status === 404);
      if (!raced || attempt === 3) throw error;
    }
  }
}

async function patchFor(wanted: ManifestObject, current: KubeObject): Promise<{ patch: unknown; contentType: string }> {
  // The schemas are large: most commands do without them.
  const { fieldOfKind } = await import('./kind-schema.ts');
  const field = fieldOfKind(wanted.apiVersion, wanted.kind);
  const contentType = field ? 'application/strategic-merge-patch+json' : 'application/merge-patch+json';
  return { patch: threeWayPatch(lastApplied(current), withoutServersOwn(wanted), current, field), contentType };
}

/** What is the server's to say; a manifest saved from `get -o yaml` carries it. */
const SERVERS_OWN = ['resourceVersion', 'uid', 'creationTimestamp', 'generation', 'managedFields', 'selfLink'];

function withoutServersOwn(wanted: ManifestObject): Record<string, unknown> {
  const metadata = Object.fromEntries(Object.entries(wanted.metadata).filter(([name]) => !SERVERS_OWN.includes(name)));
  const rest = Object.entries(wanted).filter(([name]) => name !== 'status');
  return { ...Object.fromEntries(rest), metadata };
}
