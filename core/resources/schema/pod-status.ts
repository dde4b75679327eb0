import * as z from 'zod';
import { conditionSchema } from './meta.ts';

/** What its host says of a pod. */

const containerState = z.strictObject({
  waiting: z.strictObject({ reason: z.string().optional(), message: z.string().optional() }).optional(),
  running: z.strictObject({ startedAt: z.string() }).optional(),
  terminated: z
    .strictObject({
      exitCode: z.number().int(),
      signal: z.number().int().optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      startedAt: z.string().optional(),
      finishedAt: z.string().optional(),
      containerID: z.string().optional(),
    })
    .optional(),
});

const containerStatusSchema = z.strictObject({
  name: z.string(),
  state: containerState,
  lastState: containerState,
  ready: z.boolean(),
  started: z.boolean().optional(),
  restartCount: z.number().int(),
  image: z.string(),
  imageID: z.string(),
  containerID: z.string().optional(),
});

export const podStatusSchema = z.strictObject({
  phase: z.enum(['Pending', 'Running', 'Succeeded', 'Failed', 'Unknown']).optional(),
  conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  hostIP: z.string().optional(),
  /** The node that is kept for the pod while less important ones end there. */
  nominatedNodeName: z.string().optional(),
  podIP: z.string().optional(),
  podIPs: z
    .array(z.strictObject({ ip: z.string() }))
    .meta({ patchMergeKey: 'ip' })
    .optional(),
  startTime: z.string().optional(),
  containerStatuses: z.array(containerStatusSchema).optional(),
  initContainerStatuses: z.array(containerStatusSchema).optional(),
  qosClass: z.enum(['Guaranteed', 'Burstable', 'BestEffort']).optional(),
});

export type ContainerStatus = z.infer<typeof containerStatusSchema>;
export type PodStatus = z.infer<typeof podStatusSchema>;
