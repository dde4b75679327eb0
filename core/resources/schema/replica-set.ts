import * as z from 'zod';
import { conditionSchema, labelSelectorSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';
import { podTemplateSchema } from './pod.ts';

export const replicaSetSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('ReplicaSet'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    replicas: z.number().int().min(0).optional(),
    minReadySeconds: z.number().int().min(0).optional(),
    selector: labelSelectorSchema,
    template: podTemplateSchema,
  }),
  status: z
    .strictObject({
      replicas: z.number().int(),
      fullyLabeledReplicas: z.number().int().optional(),
      readyReplicas: z.number().int().optional(),
      availableReplicas: z.number().int().optional(),
      observedGeneration: z.number().int().optional(),
      conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
    })
    .optional(),
});
export type ReplicaSet = Omit<z.infer<typeof replicaSetSchema>, 'metadata'> & { metadata: ObjectMeta };
