import { stopSecondsOf } from '../../fleet/stop-seconds.ts';
import { SLOW_CONDITION } from '../../node/drain.ts';
import type { Condition } from '../../resources/schema/meta.ts';
import type { Unit, UnitHost } from '../../resources/schema/unit.ts';
import { findCondition, withCondition, withoutCondition } from '../conditions.ts';
import { parseTime } from '../time.ts';
import { parsedUnit } from './parsed.ts';

const SLOW_MS = 60_000;
/** A global unit may leave thousands of hosts: it must not be written anew whenever one of them is done. */
const NAMED_MOST = 3;

export interface SlowStop {
  readonly conditions: Condition[] | undefined;
  /** To be told, if it is news. */
  readonly message?: string;
  /** When to look again, ms since the epoch. */
  readonly wakeAt?: number;
}

/** What a unit with these hosts is to say about it. `heard`: the host's name -> it can be reached, so that it is the unit that takes long. */
export function slowStop(
  unit: Unit,
  hosts: readonly UnitHost[],
  before: Condition[] | undefined,
  heard: (nodeName: string) => boolean,
  now: number,
): SlowStop {
  const slowAt = ({ leavingSince }: UnitHost) => (parseTime(leavingSince) ?? Number.POSITIVE_INFINITY) + SLOW_MS;
  const leaving = hosts.filter(({ leaving: why, nodeName }) => why !== undefined && heard(nodeName));
  const slow = leaving.filter((host) => slowAt(host) <= now);
  const next = Math.min(...leaving.map(slowAt).filter((at) => at > now));
  const wake = Number.isFinite(next) ? { wakeAt: next } : {};
  if (slow.length === 0) return { conditions: withoutCondition(before, SLOW_CONDITION), ...wake };
  const named = slow.slice(0, NAMED_MOST).map(({ nodeName, leaving: why }) => `${nodeName} (${why})`);
  const where = `${named.join(', ')}${slow.length > NAMED_MOST ? ' and others' : ''}`;
  const message = `It is still being stopped on ${where}, and is killed there once that has taken ${stopSecondsOf(parsedUnit(unit).options)} s.`;
  if (findCondition(before, SLOW_CONDITION)?.message === message) return { conditions: before, ...wake };
  const condition = { type: SLOW_CONDITION, status: 'True', reason: 'StillStopping', message } as const;
  return { conditions: withCondition(before, condition, now), message, ...wake };
}
