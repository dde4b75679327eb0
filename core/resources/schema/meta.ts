import * as z from 'zod';

/**
 * Object metadata, as Kubernetes defines it (API conventions, "Metadata").
 * Timestamps are RFC 3339 with seconds, UTC.
 */
const ownerReferenceSchema = z.strictObject({
  apiVersion: z.string(),
  kind: z.string(),
  name: z.string(),
  uid: z.string(),
  controller: z.boolean().optional(),
  blockOwnerDeletion: z.boolean().optional(),
});

export const objectMetaSchema = z.strictObject({
  name: z.string().optional(),
  generateName: z.string().optional(),
  namespace: z.string().optional(),
  uid: z.string().optional(),
  resourceVersion: z.string().optional(),
  generation: z.number().int().optional(),
  creationTimestamp: z.string().optional(),
  deletionTimestamp: z.string().optional(),
  deletionGracePeriodSeconds: z.number().int().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  ownerReferences: z.array(ownerReferenceSchema).meta({ patchMergeKey: 'uid' }).optional(),
  finalizers: z.array(z.string()).meta({ patchStrategy: 'merge' }).optional(),
  /** Accepted and not stored: server-side apply comes later. */
  managedFields: z.array(z.unknown()).optional(),
  selfLink: z.string().optional(),
});

export type OwnerReference = z.infer<typeof ownerReferenceSchema>;

/** Metadata of a stored object: what the server fills in is there. */
export type ObjectMeta = Omit<z.infer<typeof objectMetaSchema>, 'name' | 'uid' | 'resourceVersion' | 'creationTimestamp'> & {
  name: string;
  uid: string;
  resourceVersion: string;
  creationTimestamp: string;
};

export const labelSelectorSchema = z.strictObject({
  matchLabels: z.record(z.string(), z.string()).optional(),
  matchExpressions: z
    .array(
      z.strictObject({
        key: z.string(),
        operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
        values: z.array(z.string()).optional(),
      }),
    )
    .optional(),
});
export type LabelSelector = z.infer<typeof labelSelectorSchema>;

export const conditionSchema = z.looseObject({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string().optional(),
  message: z.string().optional(),
  lastTransitionTime: z.string().optional(),
  lastUpdateTime: z.string().optional(),
  lastHeartbeatTime: z.string().optional(),
  lastProbeTime: z.string().optional(),
});
export type Condition = z.infer<typeof conditionSchema>;

export const intOrStringSchema = z.union([z.number().int(), z.string()]);

/** A quantity such as `100m`, `1.5`, `128Mi`. Numbers are accepted as kubectl does. Parse with core/resources/quantity.ts. */
const quantitySchema = z.union([z.string(), z.number()]);
export const resourceListSchema = z.record(z.string(), quantitySchema);
