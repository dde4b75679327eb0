/** What systemd and the disk show of one unit. Times are ms since the epoch by this host's clock. */
export interface ObservedUnit {
  /** Our file, if there is one. */
  readonly file: UnitFile | undefined;
  /** undefined: systemd has not been asked about it yet. */
  readonly state: SystemdState | undefined;
}

export interface UnitFile {
  readonly uid: string;
  /** As the control plane names the text. */
  readonly hash: string;
  /** It was when it was written: it is though nobody assigns it any more. */
  readonly fenced?: boolean;
}

/** Words of systemd: org.freedesktop.systemd1(5). */
export interface SystemdState {
  readonly loadState: string;
  readonly activeState: string;
  readonly subState: string;
  /** File that it was loaded from, '' if there is none. */
  readonly fragmentPath: string;
  /** Another with each start; '' if it never ran. */
  readonly invocationId: string;
  /** 0 = nothing is under way. */
  readonly jobId: number;
  /** When it came into its state. */
  readonly since: number | undefined;
  /** Its file was changed and is not loaded yet. */
  readonly needsReload: boolean;
  /** Why it could not be loaded. */
  readonly loadError: string;
  /** Of one that has failed: how its last run ended, as a few words. */
  readonly outcome?: string;
}

/** Does anything of it run, or is about to? */
export function isUp({ activeState }: Pick<SystemdState, 'activeState'>): boolean {
  return activeState !== 'inactive' && activeState !== 'failed';
}

/** What is remembered of a unit's last start, until the host's next boot. */
export interface Launch {
  readonly uid: string;
  /** The generation that it was for. */
  readonly generation: number;
  /** Of a fenced one: the lease that it was started under. It may have ended with that one, by the fence guard, though nobody here has seen it. */
  readonly lease?: number;
  /** Asked for; systemd has not said how it went. */
  readonly starting: boolean;
  /** We have asked systemd to stop it since: whatever is wanted next, it does not run because of this start. */
  readonly stopping?: boolean;
  /** Since when, ms since the epoch. */
  readonly stoppingSince?: number;
  /** Before the start. */
  readonly invocationBefore: string;
  /** systemd's number of the start, once it is known. */
  readonly job?: number;
  /** Why it did not start, as a sentence. */
  readonly error?: string;
}
