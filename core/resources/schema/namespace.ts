import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

export const namespaceSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Namespace'),
  metadata: objectMetaSchema,
  spec: z.strictObject({ finalizers: z.array(z.string()).optional() }).optional(),
  status: z.looseObject({ phase: z.enum(['Active', 'Terminating']).optional() }).optional(),
});
export type Namespace = Omit<z.infer<typeof namespaceSchema>, 'metadata'> & { metadata: ObjectMeta };
