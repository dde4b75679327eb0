import * as z from 'zod';
import { type ObjectMeta, objectMetaSchema } from './meta.ts';

const windowSchema = z.strictObject({
  days: z.array(z.enum(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])).optional(),
  /** HH:MM. */
  start: z.string(),
  duration: z.string(),
  /** IANA name; UTC if absent. */
  timeZone: z.string().optional(),
});

const rolloutSchema = z
  .strictObject({
    percentage: z.number().int().min(0).max(100).optional(),
    linear: z.strictObject({ start: z.string(), duration: z.string(), frame: z.string() }).optional(),
    waves: z
      .strictObject({
        start: z.string(),
        order: z.array(z.strictObject({ matchLabels: z.record(z.string(), z.string()), after: z.string().optional() })).min(1),
      })
      .optional(),
  })
  .meta({ patchStrategy: 'retainKeys' });

/** What agents update with. `agent` is the agent itself. */
export const UPDATE_DRIVERS = ['rauc', 'apt', 'flatcar', 'fcos', 'agent'] as const;
export type UpdateDriverName = (typeof UPDATE_DRIVERS)[number];

const hostsSchema = z.strictObject({
  driver: z.enum(UPDATE_DRIVERS),
  /** Of nodes; absent: every node of the cluster. */
  matchLabels: z.record(z.string(), z.string()).optional(),
  /** How often a host asks. */
  checkEvery: z.string().optional(),
  /** What must hold after an update, beside that the agent reaches the control plane and its engine answers. */
  health: z
    .strictObject({
      /** From the moment the agent runs again; then the host goes back. */
      timeout: z.string().optional(),
      /** systemd units that must be active. */
      units: z.array(z.string()).optional(),
      /** A program and its arguments, which must end with 0. Run as root on the host. */
      command: z.array(z.string()).min(1).optional(),
    })
    .optional(),
});

export const updateGroupSchema = z.strictObject({
  apiVersion: z.literal('terrane.dev/v1'),
  kind: z.literal('UpdateGroup'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    application: z.string(),
    /** Name of an UpdateChannel. */
    channel: z.string(),
    /** What instances call the group (Flatcar's GROUP=); the group's own name is always one. */
    tracks: z.array(z.string()).meta({ patchStrategy: 'merge' }).optional(),
    /** Name of an UpdatePackage that takes the place of the channel's. */
    pin: z.string().optional(),
    paused: z.boolean().optional(),
    policy: z
      .strictObject({
        enabled: z.boolean().optional(),
        safeMode: z.boolean().optional(),
        maxUpdatesPerPeriod: z.number().int().min(1).max(10_000).optional(),
        period: z.string().optional(),
        updateTimeout: z.string().optional(),
        windows: z.array(windowSchema).optional(),
        rollout: rolloutSchema.optional(),
        halt: z
          .strictObject({
            /** More of the finished updates failed. */
            failedPercent: z.number().int().min(0).max(100).optional(),
            afterFinished: z.number().int().min(1).optional(),
            /** For so long more pods of the cluster's workloads are missing than when the rollout began. */
            unhealthyFor: z.string().optional(),
          })
          .optional(),
        /** Nothing begins while a workload of the cluster is not ready. */
        whileHealthy: z.boolean().optional(),
      })
      .optional(),
    /** How many hosts of the group may reboot at a time, and when. */
    reboots: z
      .strictObject({
        max: z.number().int().min(1).optional(),
        windows: z.array(windowSchema).optional(),
        /** Default true: a host that is a node of the cluster is cordoned and its pods leave before it reboots. */
        drain: z.boolean().optional(),
      })
      .optional(),
    /** Hosts whose agent does the updates. Absent: hosts come by themselves (Omaha). */
    hosts: hostsSchema.optional(),
    /** Instances that haven't been seen for so long are forgotten. */
    instanceTtl: z.string().optional(),
  }),
  status: z
    .strictObject({
      observedGeneration: z.number().int().optional(),
      /** Version that the counts are about; more than one, with commas, if architectures differ. */
      version: z.string().optional(),
      underWay: z.number().int().optional(),
      completed: z.number().int().optional(),
      failed: z.number().int().optional(),
      halted: z.strictObject({ reason: z.string(), at: z.string() }).optional(),
      /** Hosts that hold a slot of the reboot lock. */
      reboots: z
        .array(
          z.strictObject({
            id: z.string(),
            since: z.string(),
            /** The node that it is. */
            node: z.string().optional(),
            /** Its pods leave; it may not reboot yet. */
            draining: z.literal(true).optional(),
          }),
        )
        .optional(),
      paused: z.boolean().optional(),
      /** Pods that were missing when the rollout began. */
      unreadyBefore: z.number().int().optional(),
      /** More pods are missing than then, since this time. */
      unhealthySince: z.string().optional(),
    })
    .optional(),
});
export type UpdateGroup = Omit<z.infer<typeof updateGroupSchema>, 'metadata'> & { metadata: ObjectMeta };
export type UpdateWindow = z.infer<typeof windowSchema>;
