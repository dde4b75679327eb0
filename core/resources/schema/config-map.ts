import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

export const configMapSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('ConfigMap'),
  metadata: objectMetaSchema,
  data: z.record(z.string(), z.string()).optional(),
  /** Base64. */
  binaryData: z.record(z.string(), z.string()).optional(),
  immutable: z.boolean().optional(),
});
export type ConfigMap = Omit<z.infer<typeof configMapSchema>, 'metadata'> & { metadata: ObjectMeta };
