import * as z from 'zod';
import { conditionSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';

const networkBackendSchema = z.strictObject({
  /** wireguard, vxlan, host-gw or none. A string, so that what is wrong with another is said in a sentence. */
  type: z.string().optional(),
  /** VXLAN network identifier. */
  vni: z.number().int().optional(),
  /** UDP port of VXLAN. */
  port: z.number().int().optional(),
  /** Without a tunnel to hosts on the same link. */
  directRouting: z.boolean().optional(),
  /** UDP port of WireGuard. */
  listenPort: z.number().int().optional(),
  keepaliveSeconds: z.number().int().optional(),
  /** Hosts that can't run WireGuard are reached by VXLAN. */
  allowUnencrypted: z.boolean().optional(),
  /** Of the pods' devices; else what the underlay leaves. */
  mtu: z.number().int().optional(),
});

const networkSpecSchema = z.strictObject({
  /** CIDR. */
  network: z.string().optional(),
  /** Length of a host's part. */
  hostPrefix: z.number().int().optional(),
  /** Addresses of the first and the last part that hosts may get. */
  firstSubnet: z.string().optional(),
  lastSubnet: z.string().optional(),
  backend: networkBackendSchema.optional(),
  /** Parts that are kept for a host. */
  reservations: z
    .array(z.strictObject({ node: z.string(), subnet: z.string() }))
    .meta({ patchMergeKey: 'node' })
    .optional(),
  clusterDomain: z.string().optional(),
  /** flannel's net-conf.json, in place of all fields but reservations and clusterDomain. */
  flannelConfig: z.string().optional(),
});

export const networkSchema = z.strictObject({
  apiVersion: z.literal('terrane.dev/v1'),
  kind: z.literal('Network'),
  metadata: objectMetaSchema,
  spec: networkSpecSchema.optional(),
  status: z
    .strictObject({
      observedGeneration: z.number().int().optional(),
      /** How many hosts have room. */
      capacity: z.number().int().optional(),
      leased: z.number().int().optional(),
      /** Nodes for which there is no subnet; the first 20. */
      waiting: z.array(z.string()).optional(),
      conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
    })
    .optional(),
});

export type NetworkSpec = z.infer<typeof networkSpecSchema>;
export type Network = Omit<z.infer<typeof networkSchema>, 'metadata'> & { metadata: ObjectMeta };
