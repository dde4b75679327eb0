import * as z from 'zod';
import { labelSelectorSchema } from './meta.ts';

/** What a pod says of where it may run, and beside which others. */

export const tolerationSchema = z.strictObject({
  key: z.string().optional(),
  operator: z.enum(['Exists', 'Equal']).optional(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']).optional(),
  tolerationSeconds: z.number().int().optional(),
});

const nodeExpression = z.strictObject({
  key: z.string(),
  operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt']),
  values: z.array(z.string()).optional(),
});

const nodeSelectorTermSchema = z.strictObject({
  /** Labels of the node. */
  matchExpressions: z.array(nodeExpression).optional(),
  /** metadata.name */
  matchFields: z.array(nodeExpression).optional(),
});

/** Which pods are meant, and how near is near: nodes with the same value of the label topologyKey. */
const podAffinityTermSchema = z.strictObject({
  labelSelector: labelSelectorSchema.optional(),
  topologyKey: z.string(),
  /** Default: the pod's own. */
  namespaces: z.array(z.string()).optional(),
  namespaceSelector: labelSelectorSchema.optional(),
});

const podAffinitySchema = z.strictObject({
  requiredDuringSchedulingIgnoredDuringExecution: z.array(podAffinityTermSchema).optional(),
  preferredDuringSchedulingIgnoredDuringExecution: z
    .array(z.strictObject({ weight: z.number().int().min(1).max(100), podAffinityTerm: podAffinityTermSchema }))
    .optional(),
});

export const affinitySchema = z.strictObject({
  nodeAffinity: z
    .strictObject({
      requiredDuringSchedulingIgnoredDuringExecution: z
        .strictObject({ nodeSelectorTerms: z.array(nodeSelectorTermSchema) })
        .optional(),
      preferredDuringSchedulingIgnoredDuringExecution: z
        .array(z.strictObject({ weight: z.number().int().min(1).max(100), preference: nodeSelectorTermSchema }))
        .optional(),
    })
    .optional(),
  podAffinity: podAffinitySchema.optional(),
  podAntiAffinity: podAffinitySchema.optional(),
});

export const topologySpreadConstraintSchema = z.strictObject({
  maxSkew: z.number().int().min(1),
  topologyKey: z.string(),
  whenUnsatisfiable: z.enum(['DoNotSchedule', 'ScheduleAnyway']),
  labelSelector: labelSelectorSchema.optional(),
  minDomains: z.number().int().min(1).optional(),
  nodeAffinityPolicy: z.enum(['Honor', 'Ignore']).optional(),
  nodeTaintsPolicy: z.enum(['Honor', 'Ignore']).optional(),
  matchLabelKeys: z.array(z.string()).optional(),
});

export type Toleration = z.infer<typeof tolerationSchema>;
export type NodeSelectorTerm = z.infer<typeof nodeSelectorTermSchema>;
export type PodAffinityTerm = z.infer<typeof podAffinityTermSchema>;
export type Affinity = z.infer<typeof affinitySchema>;
export type TopologySpreadConstraint = z.infer<typeof topologySpreadConstraintSchema>;
