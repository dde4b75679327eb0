import * as z from 'zod';
import { conditionSchema, type ObjectMeta, objectMetaSchema, resourceListSchema } from './meta.ts';

const taintSchema = z.strictObject({
  key: z.string(),
  value: z.string().optional(),
  effect: z.enum(['NoSchedule', 'PreferNoSchedule', 'NoExecute']),
  timeAdded: z.string().optional(),
});

const nodeSpecSchema = z.strictObject({
  unschedulable: z.boolean().optional(),
  taints: z.array(taintSchema).optional(),
  podCIDR: z.string().optional(),
  podCIDRs: z.array(z.string()).meta({ patchStrategy: 'merge' }).optional(),
  providerID: z.string().optional(),
});

/** What a host says of its part in the pods' network, beside its lease. */
export const nodeNetworkSchema = z.strictObject({
  /** IPv4 address by which hosts on the same network reach it. */
  address: z.string(),
  /** What fits into a packet on that network, bytes. */
  mtu: z.number().int(),
  /** Absent if it can't run WireGuard. */
  wireguard: z
    .strictObject({
      /** Curve25519, base64. */
      publicKey: z.string(),
      port: z.number().int(),
    })
    .optional(),
  /** The node whose WireGuard key it reported as its own: that isn't believed, and it has none here. Not the host's to say. */
  keyHolder: z.string().optional(),
  /** Where packets of other hosts come from, if that isn't what they say themselves: ADDRESS:PORT. */
  observed: z
    .array(z.strictObject({ node: z.string(), endpoint: z.string() }))
    .meta({ patchMergeKey: 'node' })
    .optional(),
  /** Hosts that it tried in vain. */
  unreached: z.array(z.string()).optional(),
});

export const nodeStatusSchema = z.strictObject({
  /** cpu, memory, ephemeral-storage, pods. */
  capacity: resourceListSchema.optional(),
  allocatable: resourceListSchema.optional(),
  /** Ready, MemoryPressure, DiskPressure; with reasons such as DockerUnavailable. */
  conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
  addresses: z
    .array(z.strictObject({ type: z.string(), address: z.string() }))
    .meta({ patchMergeKey: 'type' })
    .optional(),
  nodeInfo: z
    .strictObject({
      machineID: z.string(),
      systemUUID: z.string(),
      bootID: z.string(),
      kernelVersion: z.string(),
      osImage: z.string(),
      containerRuntimeVersion: z.string(),
      kubeletVersion: z.string(),
      kubeProxyVersion: z.string(),
      operatingSystem: z.string(),
      architecture: z.string(),
    })
    .optional(),
  network: nodeNetworkSchema.optional(),
  /** The WireGuard key that stays its own while it reports none, base64. Not the host's to say. */
  wireguardKey: z.string().optional(),
  images: z.array(z.strictObject({ names: z.array(z.string()), sizeBytes: z.number() })).optional(),
});

export const nodeSchema = z.strictObject({
  apiVersion: z.literal('v1'),
  kind: z.literal('Node'),
  metadata: objectMetaSchema,
  spec: nodeSpecSchema.optional(),
  status: nodeStatusSchema.optional(),
});

export type Taint = z.infer<typeof taintSchema>;
export type NodeNetwork = z.infer<typeof nodeNetworkSchema>;
export type NodeStatus = z.infer<typeof nodeStatusSchema>;
export type Node = Omit<z.infer<typeof nodeSchema>, 'metadata'> & { metadata: ObjectMeta };
