import { readFileSync } from 'node:fs';
import { writeAtomic } from '../files/atomic-file.ts';
import { type HostLease, NO_LEASE } from './host-lease.ts';

/** What the next agent must know to let fenced work run on. */
export interface SavedLease extends HostLease {
  readonly bootId: string;
  /** Revision of the assignment that it was confirmed for. */
  readonly revision: number;
}

export interface LeaseFile {
  /** What was saved in this boot for this assignment; none otherwise. */
  read(bootId: string, revision: number | undefined, now: number, stopMs: number): HostLease;
  write(lease: SavedLease): void;
}

/** A file that can't be read or written costs a restart of fenced work, and never lets it run longer: an older lease ends earlier. */
export function leaseFile(path: string): LeaseFile {
  let writing: Promise<void> | undefined;
  let next: SavedLease | undefined;

  async function flush(): Promise<void> {
    while (next) {
      const lease = next;
      next = undefined;
      await writeAtomic(path, JSON.stringify(lease)).catch(() => undefined);
    }
    writing = undefined;
  }

  return {
    read(bootId, revision, now, stopMs) {
      let saved: SavedLease;
      try {
        saved = JSON.parse(readFileSync(path, 'utf8')) as SavedLease;
      } catch {
        return NO_LEASE;
      }
      const { until, since, confirmed, graceSeconds } = saved;
      const sane = typeof until === 'number' && typeof since === 'number' && typeof confirmed === 'boolean';
      // An uptime that began anew in the same boot (a container's own) makes old times look like the future.
      if (!sane || saved.bootId !== bootId || until > now + stopMs || since > now) return NO_LEASE;
      const grace = typeof graceSeconds === 'number' ? { graceSeconds } : {};
      return { until, since, confirmed: confirmed && saved.revision === revision, ...grace };
    },
    write(lease) {
      next = lease;
      writing ??= flush();
    },
  };
}
