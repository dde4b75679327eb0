import * as z from 'zod';
import { containerSchema } from './container.ts';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';
import { affinitySchema, tolerationSchema, topologySpreadConstraintSchema } from './pod-placement.ts';
import { podStatusSchema } from './pod-status.ts';
import { volumeSchema } from './volume.ts';

export type { Container, LifecycleHandler, Probe } from './container.ts';
export type { Affinity, NodeSelectorTerm, PodAffinityTerm, Toleration, TopologySpreadConstraint } from './pod-placement.ts';
export type { ContainerStatus, PodStatus } from './pod-status.ts';
export type { Volume } from './volume.ts';

/** Pod: the documented subset of Kubernetes' core/v1 Pod. Every field here is acted on; any other is refused by name. */

/** How names are resolved, beside dnsPolicy. */
const podDnsConfigSchema = z.strictObject({
  nameservers: z.array(z.string()).optional(),
  searches: z.array(z.string()).optional(),
  options: z.array(z.strictObject({ name: z.string().optional(), value: z.string().optional() })).optional(),
});

const podSpecSchema = z.strictObject({
  containers: z.array(containerSchema).min(1).meta({ patchMergeKey: 'name' }),
  initContainers: z.array(containerSchema).meta({ patchMergeKey: 'name' }).optional(),
  volumes: z.array(volumeSchema).meta({ patchMergeKey: 'name', patchStrategy: 'merge,retainKeys' }).optional(),
  restartPolicy: z.enum(['Always', 'OnFailure', 'Never']).optional(),
  terminationGracePeriodSeconds: z.number().int().min(0).optional(),
  activeDeadlineSeconds: z.number().int().min(1).optional(),
  nodeSelector: z.record(z.string(), z.string()).optional(),
  nodeName: z.string().optional(),
  hostNetwork: z.boolean().optional(),
  hostname: z.string().optional(),
  subdomain: z.string().optional(),
  tolerations: z.array(tolerationSchema).optional(),
  affinity: affinitySchema.optional(),
  topologySpreadConstraints: z.array(topologySpreadConstraintSchema).meta({ patchMergeKey: 'topologyKey' }).optional(),
  imagePullSecrets: z
    .array(z.strictObject({ name: z.string() }))
    .meta({ patchMergeKey: 'name' })
    .optional(),
  dnsPolicy: z.enum(['ClusterFirst', 'Default', 'None', 'ClusterFirstWithHostNet']).optional(),
  dnsConfig: podDnsConfigSchema.optional(),
  securityContext: z
    .strictObject({
      runAsUser: z.number().int().optional(),
      runAsGroup: z.number().int().optional(),
      fsGroup: z.number().int().optional(),
    })
    .optional(),
  schedulerName: z.string().optional(),
  serviceAccountName: z.string().optional(),
  serviceAccount: z.string().optional(),
  automountServiceAccountToken: z.boolean().optional(),
  enableServiceLinks: z.boolean().optional(),
  priority: z.number().int().optional(),
  priorityClassName: z.string().optional(),
  preemptionPolicy: z.enum(['PreemptLowerPriority', 'Never']).optional(),
});

export const podTemplateSchema = z.strictObject({ metadata: objectMetaSchema.optional(), spec: podSpecSchema });

export const podSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Pod'),
  metadata: objectMetaSchema,
  spec: podSpecSchema,
  status: podStatusSchema.optional(),
});

export type PodSpec = z.infer<typeof podSpecSchema>;
export type PodTemplate = z.infer<typeof podTemplateSchema>;
export type Pod = Omit<z.infer<typeof podSchema>, 'metadata'> & { metadata: ObjectMeta };
