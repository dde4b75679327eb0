import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

const withReason = z.strictObject({
  /** Name of an UpdatePackage. */
  package: z.string(),
  reason: z.string().optional(),
});

export const updateChannelSchema = z.strictObject({
  apiVersion: z.literal('terrane.dev/v1'),
  kind: z.literal('UpdateChannel'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    application: z.string(),
    /** Architecture -> name of the UpdatePackage that instances shall end up with. */
    packages: z.record(z.string(), z.string()).optional(),
    /** Versions that nobody may jump over. */
    floors: z.array(withReason).meta({ patchMergeKey: 'package' }).optional(),
    /** Packages that this channel must never name. */
    blacklist: z.array(withReason).meta({ patchMergeKey: 'package' }).optional(),
  }),
});
export type UpdateChannel = Omit<z.infer<typeof updateChannelSchema>, 'metadata'> & { metadata: ObjectMeta };
