import * as z from 'zod';

/**
 * A systemd unit that a host is to have. Units of ours that a host finds and that are not assigned to it (any more) are stopped and
 * removed, as those with `desired: 'absent'` are.
 */
export interface AssignedUnit {
  /** Of the file: `web@1.service`. For an instance, `contents` is its own text, which may be that of its template. */
  readonly name: string;
  /** Another uid under the same name is another unit: the earlier one is stopped and removed first. */
  readonly uid: string;
  /** Number of the placing: given back in what is reported. */
  readonly placement: number;
  readonly contents: string;
  /** fleet's hash of the contents: 40 hexadecimal digits. */
  readonly hash: string;
  /**
   * `loaded`: systemd knows it, and it does not run (unless another unit starts it). `launched`: started, too. `absent`: stop it, remove its
   * file, and report it `gone` for as long as it is assigned.
   */
  readonly desired: 'loaded' | 'launched' | 'absent';
  /**
   * Grows with each change of what is wanted. A launched unit whose last start was for another generation is stopped and started again, even if it
   * runs: so that a stop followed by a start is never lost, and each restart gives a new process.
   */
  readonly generation: number;
  /** Stopped when the host lease runs out, and started again once it is held anew. */
  readonly fenced: boolean;
  /** `absent`: killed when it has been stopping for so long; UNIT_STOP_SECONDS if the control plane doesn't know of it. */
  readonly stopSeconds?: number;
}

/** What a host says of a unit that is assigned to it. All units of the host, each time. */
export const unitReportSchema = z.object({
  name: z.string().max(256),
  uid: z.string().max(64),
  /** Of the assigned unit that this is about. */
  placement: z.number().int(),
  /** `desired: 'absent'` is done: it does not run, and its file is gone. */
  gone: z.boolean().optional(),
  /** Generation for which it was started last (the start job is done, well or badly); absent: not started since it was placed. */
  launched: z.number().int().optional(),
  /** Of the text that systemd has loaded. */
  hash: z.string().max(64),
  /** systemd's LoadState, ActiveState, SubState: loaded, active, running. */
  loadState: z.string().max(64),
  activeState: z.string().max(64),
  subState: z.string().max(64),
  /** When the active state was entered, RFC 3339. */
  since: z.string().max(64).optional(),
  /** Why it could not be loaded or started, as a sentence. */
  error: z.string().max(1024).optional(),
});
export type UnitReport = z.infer<typeof unitReportSchema>;
