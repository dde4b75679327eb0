import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

export const secretSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Secret'),
  metadata: objectMetaSchema,
  type: z.string().optional(),
  /** Base64. */
  data: z.record(z.string(), z.string()).optional(),
  /** Write-only plain text, merged into `data` on write. */
  stringData: z.record(z.string(), z.string()).optional(),
  immutable: z.boolean().optional(),
});
export type Secret = Omit<z.infer<typeof secretSchema>, 'metadata'> & { metadata: ObjectMeta };
