import * as z from 'zod';
import { intOrStringSchema, labelSelectorSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/ */
const peerSchema = z.strictObject({
  podSelector: labelSelectorSchema.optional(),
  namespaceSelector: labelSelectorSchema.optional(),
  ipBlock: z.strictObject({ cidr: z.string(), except: z.array(z.string()).optional() }).optional(),
});

const portSchema = z.strictObject({
  protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
  port: intOrStringSchema.optional(),
  endPort: z.number().int().optional(),
});

export const networkPolicySchema = z.strictObject({
  apiVersion: z.literal('networking.k8s.io/v1'),
  kind: z.literal('NetworkPolicy'),
  metadata: objectMetaSchema,
  spec: z
    .strictObject({
      podSelector: labelSelectorSchema.optional(),
      policyTypes: z.array(z.string()).optional(),
      ingress: z
        .array(z.strictObject({ from: z.array(peerSchema).optional(), ports: z.array(portSchema).optional() }))
        .optional(),
      egress: z.array(z.strictObject({ to: z.array(peerSchema).optional(), ports: z.array(portSchema).optional() })).optional(),
    })
    .optional(),
});

export type NetworkPolicy = Omit<z.infer<typeof networkPolicySchema>, 'metadata'> & { metadata: ObjectMeta };
export type PolicyPeer = z.infer<typeof peerSchema>;
export type PolicyPort = z.infer<typeof portSchema>;
