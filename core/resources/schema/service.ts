import * as z from 'zod';
import { intOrStringSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';

export const serviceSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Service'),
  metadata: objectMetaSchema,
  spec: z
    .strictObject({
      selector: z.record(z.string(), z.string()).optional(),
      type: z.enum(['ClusterIP', 'NodePort', 'ExternalName', 'LoadBalancer']).optional(),
      clusterIP: z.string().optional(),
      clusterIPs: z.array(z.string()).optional(),
      ports: z
        .array(
          z.strictObject({
            name: z.string().optional(),
            port: z.number().int().min(1).max(65535),
            targetPort: intOrStringSchema.optional(),
            nodePort: z.number().int().optional(),
            protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
            appProtocol: z.string().optional(),
          }),
        )
        .meta({ patchMergeKey: 'port' })
        .optional(),
      externalName: z.string().optional(),
      externalIPs: z.array(z.string()).optional(),
      sessionAffinity: z.enum(['None', 'ClientIP']).optional(),
      sessionAffinityConfig: z
        .strictObject({ clientIP: z.strictObject({ timeoutSeconds: z.number().int().optional() }).optional() })
        .optional(),
      externalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
      internalTrafficPolicy: z.enum(['Cluster', 'Local']).optional(),
      publishNotReadyAddresses: z.boolean().optional(),
    })
    .optional(),
  status: z.looseObject({}).optional(),
});
export type Service = Omit<z.infer<typeof serviceSchema>, 'metadata'> & { metadata: ObjectMeta };
