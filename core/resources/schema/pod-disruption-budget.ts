import * as z from 'zod';
import { conditionSchema, intOrStringSchema, labelSelectorSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';

export const podDisruptionBudgetSchema = z.strictObject({
  apiVersion: z.literal('policy/v1'),
  kind: z.literal('PodDisruptionBudget'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    minAvailable: intOrStringSchema.optional(),
    maxUnavailable: intOrStringSchema.optional(),
    selector: labelSelectorSchema.optional(),
    unhealthyPodEvictionPolicy: z.enum(['IfHealthyBudget', 'AlwaysAllow']).optional(),
  }),
  status: z
    .strictObject({
      observedGeneration: z.number().int().optional(),
      disruptionsAllowed: z.number().int(),
      currentHealthy: z.number().int(),
      desiredHealthy: z.number().int(),
      expectedPods: z.number().int(),
      conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
    })
    .optional(),
});
export type PodDisruptionBudget = Omit<z.infer<typeof podDisruptionBudgetSchema>, 'metadata'> & { metadata: ObjectMeta };
