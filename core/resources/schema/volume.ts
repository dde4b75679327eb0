import * as z from 'zod';

const keyToPath = z.strictObject({ key: z.string(), path: z.string(), mode: z.number().int().optional() });

export const volumeSchema = z.strictObject({
  name: z.string(),
  emptyDir: z
    .strictObject({ medium: z.enum(['', 'Memory']).optional(), sizeLimit: z.union([z.string(), z.number()]).optional() })
    .optional(),
  hostPath: z
    .strictObject({
      path: z.string(),
      type: z
        .enum(['', 'DirectoryOrCreate', 'Directory', 'FileOrCreate', 'File', 'Socket', 'CharDevice', 'BlockDevice'])
        .optional(),
    })
    .optional(),
  configMap: z
    .strictObject({
      name: z.string(),
      items: z.array(keyToPath).optional(),
      defaultMode: z.number().int().optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
  secret: z
    .strictObject({
      secretName: z.string(),
      items: z.array(keyToPath).optional(),
      defaultMode: z.number().int().optional(),
      optional: z.boolean().optional(),
    })
    .optional(),
});

export type Volume = z.infer<typeof volumeSchema>;
