import { type Lane, lane } from '../lane.ts';

/**
 * dbus-daemon refuses to have more than 128 calls of a connection unanswered, and a host may have hundreds of units to ask about, or to start, at once.
 * Together these stay below that.
 */
const READS_MOST = 48;
const CHANGES_MOST = 48;
const ENDS_MOST = 24;
const READS: ReadonlySet<string> = new Set(['LoadUnit', 'GetAll']);
const ENDS: ReadonlySet<string> = new Set(['StopUnit', 'KillUnit']);

/**
 * For one connection: where a call of that member waits its turn. What changes something doesn't wait for those who only look, and what ends a unit for
 * neither: a fenced one has a time by which it must have ended, however many others are being started.
 */
export function callLanes(): (member: string) => Lane {
  const [reads, changes, ends] = [lane(READS_MOST), lane(CHANGES_MOST), lane(ENDS_MOST)];
  return (member) => (READS.has(member) ? reads : ENDS.has(member) ? ends : changes);
}
