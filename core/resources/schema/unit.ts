import * as z from 'zod';
import { conditionSchema, type ObjectMeta, objectMetaSchema } from './meta.ts';

/** One host that has the unit, or is about to; a Global unit has one of these for each host. */
const unitHostSchema = z.strictObject({
  nodeName: z.string(),
  /** Number of this placing: what the host says of an earlier one is not heard. */
  placement: z.number().int(),
  placedAt: z.string(),
  /** What the host was told when it was placed there: stopped when the host lease runs out, or not. */
  fenced: z.boolean(),
  /** It is the earlier unit of this name, which has this uid, that has to leave before this one may be placed. */
  uid: z.string().optional(),
  /** It is to stop and forget the unit, for this reason; when it has said that it did, it leaves the list. */
  leaving: z.string().optional(),
  leavingSince: z.string().optional(),
  /** The metadata.generation for which the host started it last; absent: not started. */
  launched: z.number().int().optional(),
  /** Of the text that the host has. Absent: it hasn't reported the unit yet. */
  hash: z.string().optional(),
  /** As systemd words them: LoadState, ActiveState, SubState. */
  loadState: z.string().optional(),
  activeState: z.string().optional(),
  subState: z.string().optional(),
  /** When the active state was entered. */
  since: z.string().optional(),
  /** Why it could not be loaded or started. */
  error: z.string().optional(),
});

export const unitSchema = z.strictObject({
  apiVersion: z.literal('terrane.dev/v1'),
  kind: z.literal('Unit'),
  metadata: objectMetaSchema,
  spec: z.strictObject({
    /** The unit file. */
    contents: z.string(),
    desiredState: z.enum(['inactive', 'loaded', 'launched']).optional(),
    /** Raise it to restart the unit. */
    restarts: z.number().int().min(0).optional(),
  }),
  status: z
    .strictObject({
      observedGeneration: z.number().int().optional(),
      currentState: z.enum(['inactive', 'loaded', 'launched']).optional(),
      /** What it was before, and when that changed, with milliseconds. */
      stateBefore: z.enum(['inactive', 'loaded', 'launched']).optional(),
      stateSince: z.string().optional(),
      hash: z.string().optional(),
      /** Last number that was given to a placing. */
      placements: z.number().int().optional(),
      hosts: z.array(unitHostSchema).meta({ patchMergeKey: 'nodeName' }).optional(),
      /** Placed: with the reason, if it is on no host. */
      conditions: z.array(conditionSchema).meta({ patchMergeKey: 'type' }).optional(),
    })
    .optional(),
});

export type UnitHost = z.infer<typeof unitHostSchema>;
export type Unit = Omit<z.infer<typeof unitSchema>, 'metadata'> & { metadata: ObjectMeta };
