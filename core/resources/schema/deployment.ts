import * as z from 'zod';
import { conditionSchema, intOrStringSchema, labelSelectorSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';
import { podTemplateSchema } from './pod.ts';

export const deploymentSchema = z.strictObject({
  apiVersion: z.literal('apps/v1'),
  kind: z.literal('Deployment'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    replicas: z.number().int().min(0).optional(),
    selector: labelSelectorSchema,
    template: podTemplateSchema,
    strategy: z
      .strictObject({
        type: z.enum(['RollingUpdate', 'Recreate']).optional(),
        rollingUpdate: z
          .strictObject({ maxSurge: intOrStringSchema.optional(), maxUnavailable: intOrStringSchema.optional() })
          .optional(),
      })
      .meta({ patchStrategy: 'retainKeys' })
      .optional(),
    minReadySeconds: z.number().int().min(0).optional(),
    revisionHistoryLimit: z.number().int().min(0).optional(),
    paused: z.boolean().optional(),
    progressDeadlineSeconds: z.number().int().min(0).optional(),
  }),
  status: z
    .strictObject({
      observedGeneration: z.number().int().optional(),
      replicas: z.number().int().optional(),
      updatedReplicas: z.number().int().optional(),
      readyReplicas: z.number().int().optional(),
      availableReplicas: z.number().int().optional(),
      unavailableReplicas: z.number().int().optional(),
      conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
      collisionCount: z.number().int().optional(),
    })
    .optional(),
});
export type Deployment = Omit<z.infer<typeof deploymentSchema>, 'metadata'> & { metadata: ObjectMeta };
