import * as z from 'zod';
import { parseAddress } from '../network/ipv4.ts';
import { nodeNetworkSchema, nodeStatusSchema } from '../resources/schema/node.ts';
import { podStatusSchema } from '../resources/schema/pod-status.ts';
import { unitReportSchema } from './assigned-unit.ts';

const addressSchema = z.string().refine((text) => parseAddress(text) !== undefined, 'must be an IPv4 address');
const endpointSchema = z.string().refine(isEndpoint, 'must be ADDRESS:PORT');

function isEndpoint(text: string): boolean {
  const [address = '', port = '', ...more] = text.split(':');
  return more.length === 0 && parseAddress(address) !== undefined && /^[1-9]\d{0,4}$/.test(port) && Number(port) <= 65_535;
}

/** Other hosts' networks are programmed with it: nothing passes that isn't what it should be. */
const networkSchema = nodeNetworkSchema.omit({ keyHolder: true }).extend({
  address: addressSchema,
  mtu: z.number().int().min(576).max(65_535),
  wireguard: z
    .strictObject({
      publicKey: z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'must be a Curve25519 key in base64'),
      port: z.number().int().min(1).max(65_535),
    })
    .optional(),
  observed: z
    .array(z.strictObject({ node: z.string().max(63), endpoint: endpointSchema }))
    .max(2000)
    .optional(),
  unreached: z.array(z.string().max(63)).max(2000).optional(),
});

/** What a host says of itself and its pods: POST /node/v1/report. The whole current state each time, so that none depends on an earlier one. */
export const reportSchema = z.object({
  agentVersion: z.string().max(64),
  bootId: z.string().max(64),
  /** Revision of the assignment that the host has made true, 0 before the first. */
  observedRevision: z.number().int().min(0),
  /** The next report comes within so many seconds, give or take a fifth. */
  withinSeconds: z.number().int().min(1).max(86_400).optional(),
  /** Fenced work has ended here at the latest so many seconds after this report was sent, if it is the last one that is answered. */
  leaseSeconds: z.number().int().min(1).max(86_400).optional(),
  /** capacity, allocatable, conditions, addresses, nodeInfo, images. */
  node: nodeStatusSchema.omit({ network: true, wireguardKey: true }),
  /** Its part in the pods' network, if it takes part. */
  network: networkSchema.optional(),
  /**
   * Hosts that no longer answer its probes (core/network/watch-round.ts), none mostly. Absent: an agent that watches nobody, and doesn't report
   * when it is asked to.
   */
  suspects: z
    .array(z.object({ node: z.string().max(63), since: z.number(), told: z.number().int().min(0) }))
    .max(100)
    .optional(),
  /** Labels that the host knows of itself: kubernetes.io/hostname, arch, os, terrane.dev/... */
  labels: z.record(z.string(), z.string()),
  pods: z
    .array(
      z.object({
        namespace: z.string(),
        name: z.string(),
        uid: z.string(),
        status: podStatusSchema,
        /** The pod was being deleted and nothing of it is left on the host. */
        gone: z.boolean().optional(),
      }),
    )
    .max(2000),
  /** systemd units. Absent: the host keeps none, or an agent that knows none. */
  units: z.array(unitReportSchema).max(2000).optional(),
  /** Recent happenings worth an Event; repeated until they age out (2 min), told apart by `id`, which is unique on the host. */
  events: z
    .array(
      z.object({
        id: z.string().max(64),
        /** ms since the epoch, server time as far as the host knows it. */
        at: z.number(),
        type: z.enum(['Normal', 'Warning']),
        reason: z.string().max(128),
        message: z.string().max(1024),
        /** The pod concerned, or undefined: the unit, or the node itself. */
        pod: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
        /** Container within the pod, for fieldPath. */
        container: z.string().optional(),
        /** The unit concerned. */
        unit: z.object({ name: z.string(), uid: z.string() }).optional(),
      }),
    )
    .max(500),
});

/** 200 of POST /node/v1/report. */
export interface ReportAnswer {
  /** The registry's newest revision. */
  readonly revision: number;
  /** The report renewed the host's lease, from when it was sent. */
  readonly lease: boolean;
}

export type Report = z.infer<typeof reportSchema>;
export type PodReport = Report['pods'][number];
export type HostEvent = Report['events'][number];
