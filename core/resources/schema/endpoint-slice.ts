import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/service-resources/endpoint-slice-v1/ */
export const endpointSliceSchema = z.strictObject({
  apiVersion: z.literal('discovery.k8s.io/v1'),
  kind: z.literal('EndpointSlice'),
  metadata: objectMetaSchema,
  addressType: z.string(),
  endpoints: z
    .array(
      z.strictObject({
        addresses: z.array(z.string()),
        conditions: z
          .strictObject({
            ready: z.boolean().optional(),
            serving: z.boolean().optional(),
            terminating: z.boolean().optional(),
          })
          .optional(),
        hostname: z.string().optional(),
        nodeName: z.string().optional(),
        targetRef: z
          .strictObject({
            kind: z.string().optional(),
            namespace: z.string().optional(),
            name: z.string().optional(),
            uid: z.string().optional(),
          })
          .optional(),
      }),
    )
    .optional(),
  ports: z
    .array(
      z.strictObject({
        name: z.string().optional(),
        protocol: z.enum(['TCP', 'UDP', 'SCTP']).optional(),
        port: z.number().int().min(1).max(65535).optional(),
        appProtocol: z.string().optional(),
      }),
    )
    .optional(),
});
export type EndpointSlice = Omit<z.infer<typeof endpointSliceSchema>, 'metadata'> & { metadata: ObjectMeta };
export type SliceEndpoint = NonNullable<EndpointSlice['endpoints']>[number];
export type SlicePort = NonNullable<EndpointSlice['ports']>[number];

/** Names the Service whose endpoints a slice holds. */
export const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
