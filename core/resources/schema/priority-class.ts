import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

export const priorityClassSchema = z.strictObject({
  apiVersion: z.literal('scheduling.k8s.io/v1'),
  kind: z.literal('PriorityClass'),
  metadata: objectMetaSchema,
  value: z.number().int(),
  globalDefault: z.boolean().optional(),
  preemptionPolicy: z.enum(['PreemptLowerPriority', 'Never']).optional(),
  description: z.string().optional(),
});
export type PriorityClass = Omit<z.infer<typeof priorityClassSchema>, 'metadata'> & { metadata: ObjectMeta };
