import * as z from 'zod';
import { nodeStatusSchema } from '../resources/schema/node.ts';
import { podStatusSchema } from '../resources/schema/pod.ts';
import { unitReportSchema } from './assigned-unit.ts';

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
  node: nodeStatusSchema,
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
        /** The pod concerned, or undefined for the node itself. */
        pod: z.object({ namespace: z.string(), name: z.string(), uid: z.string() }).optional(),
        /** Container within the pod, for fieldPath. */
        container: z.string().optional(),
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
