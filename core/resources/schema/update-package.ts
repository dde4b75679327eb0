import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

const updateFileSchema = z.strictObject({
  /** A plain file name: clients append it to the URL. */
  name: z.string(),
  /** Bytes. */
  size: z.number().int().min(1),
  /** Of the file, 64 hexadecimal digits. */
  sha256: z.string(),
  /** For clients that know no other (update_engine's field `hash`), 40 hexadecimal digits. */
  sha1: z.string().optional(),
});
export type UpdateFile = z.infer<typeof updateFileSchema>;

export const updatePackageSchema = z.strictObject({
  apiVersion: z.literal('terrane.dev/v1'),
  kind: z.literal('UpdatePackage'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    /** What is updated: `flatcar`, another name, or an Omaha application id. */
    application: z.string(),
    version: z.string(),
    arch: z.enum(['amd64', 'arm64', 'all']).optional(),
    /** Folder that the files lie in; http or https, without a query. Absent: they are uploaded to us. */
    url: z.string().optional(),
    /** The payload first. */
    files: z.array(updateFileSchema).min(1),
    /** Only a payload of update_engine's. */
    flatcar: z
      .strictObject({
        isDelta: z.boolean().optional(),
        metadataSize: z.string().optional(),
        metadataSignatureRsa: z.string().optional(),
      })
      .optional(),
    description: z.string().optional(),
  }),
});
export type UpdatePackage = Omit<z.infer<typeof updatePackageSchema>, 'metadata'> & { metadata: ObjectMeta };
