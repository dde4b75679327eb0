import * as z from 'zod';
import { checkTypes } from '../../../../core/resources/decode.ts';
import { selectorText } from '../../../../core/resources/kinds/workload-columns.ts';
import { isObject } from '../../../../core/resources/patch/merge-patch.ts';
import type { Deployment } from '../../../../core/resources/schema/deployment.ts';
import { objectMetaSchema } from '../../../../core/resources/schema/meta.ts';
import type { ReplicaSet } from '../../../../core/resources/schema/replica-set.ts';
import { fieldOf } from '../../../../core/resources/schema/shape.ts';
import { badRequest, conflict, notFound } from '../../../../core/resources/status.ts';
import { getResource } from '../../../../core/resources/write.ts';
import type { ReadView } from '../../../../core/keyspace/types.ts';
import { readObject } from '../body.ts';
import type { KubeRequest } from '../deps.ts';
import { withoutUnknownFields } from '../field-validation.ts';
import { inNamespace, requireSameKind } from '../verbs/create.ts';
import { storeUpdate } from '../verbs/commit-update.ts';
import { readPatchFunction } from '../verbs/patch.ts';
import { viewFor } from '../verbs/read.ts';
import { requireSameName } from '../verbs/replace.ts';
import { respondPlain } from '../respond.ts';

/** autoscaling/v1 Scale: the number of replicas of any workload, without its other fields. */
const scaleSchema = z.strictObject({
  apiVersion: z.literal('autoscaling/v1'),
  kind: z.literal('Scale'),
  metadata: objectMetaSchema,
  spec: z.strictObject({ replicas: z.number().int().min(0).optional() }).optional(),
  status: z.strictObject({ replicas: z.number().int().optional(), selector: z.string().optional() }).optional(),
});
type Scale = z.infer<typeof scaleSchema>;

const SCALE = { group: 'autoscaling', version: 'v1', kind: 'Scale', plural: 'scales', schema: scaleSchema } as const;

type Scalable = Deployment | ReplicaSet;

export async function getScale(request: KubeRequest): Promise<Response> {
  return respondPlain(request, scaleOf(load(request, await viewFor(request))));
}

export async function putScale(request: KubeRequest): Promise<Response> {
  const body = await readObject(request);
  return store(request, 'update', () => body);
}

export async function patchScale(request: KubeRequest): Promise<Response> {
  const apply = await readPatchFunction(request, fieldOf(scaleSchema));
  return store(request, 'patch', (scale) => apply(scale));
}

async function store(request: KubeRequest, verb: 'update' | 'patch', next: (scale: Scale) => unknown): Promise<Response> {
  const { definition, namespace, name } = request.target;
  const updated = await storeUpdate(request, verb, (txn) => {
    const workload = load(request, txn);
    const scale = structuredClone(next(scaleOf(workload)));
    if (!isObject(scale)) throw badRequest('the body must be a Scale');
    requireSameKind(SCALE, scale);
    const pruned = withoutUnknownFields(request, SCALE, scale);
    pruned.metadata = inNamespace(pruned.metadata, namespace);
    requireSameName(pruned.metadata, name!);
    checkTypes(SCALE, pruned, name!);
    const { metadata, spec } = pruned as Scale;
    if (metadata.resourceVersion && metadata.resourceVersion !== workload.metadata.resourceVersion)
      throw conflict(
        definition,
        name!,
        'the object has been modified; please apply your changes to the latest version and try again',
      );
    return { ...workload, spec: { ...workload.spec, replicas: spec?.replicas ?? 0 } } as Scalable;
  });
  return respondPlain(request, scaleOf(updated as Scalable));
}

function load({ target }: KubeRequest, view: ReadView): Scalable {
  const { definition, namespace, name } = target;
  const found = getResource(view, definition.kind as Scalable['kind'], namespace!, name!);
  if (!found) throw notFound(definition, name!);
  return found;
}

function scaleOf({ metadata, spec, status }: Scalable): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = metadata;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { replicas: spec.replicas ?? 1 },
    status: { replicas: status?.replicas ?? 0, selector: selectorText(spec.selector) },
  };
}
