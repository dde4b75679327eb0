import { randomBytes } from 'node:crypto';
import type { HostEvent } from '../core/node/report.ts';
import type { Logger } from '../core/ports/logger.ts';
import type { Pod } from '../core/resources/schema/pod.ts';

/** Happenings worth an Event in the cluster: kept until they have surely been reported, told apart by id. */
export interface EventLog {
  add(event: EventInput): void;
  /** Those that are still to be reported. */
  recent(): HostEvent[];
}

export interface EventInput {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly pod?: Pod;
  readonly container?: string;
  readonly unit?: HostEvent['unit'];
}

export interface EventLogOptions {
  /** ms since the epoch as the control plane has it. */
  readonly serverTime: () => number;
  readonly log: Logger;
  readonly onAdd: () => void;
}

const KEEP_MS = 120_000;
const KEEP_MAX = 500;
const MESSAGE_MAX = 1024;
/** A probe that fails every second is told five times at once, and then every two minutes. */
const BURST = 5;
const REFILL_MS = 120_000;

/** Tokens of one kind of happening to one container. */
interface Bucket {
  tokens: number;
  at: number;
}

export function eventLog({ serverTime, log, onAdd }: EventLogOptions): EventLog {
  // Ids of another run of the agent must differ from this one's.
  const run = randomBytes(6).toString('hex');
  let count = 0;
  let events: HostEvent[] = [];
  const buckets = new Map<string, Bucket>();

  const recent = () => {
    const oldest = serverTime() - KEEP_MS;
    events = events.filter((event) => event.at > oldest).slice(-KEEP_MAX);
    return events;
  };

  function isTooMuch({ pod, container = '', unit, reason }: EventInput): boolean {
    const now = serverTime();
    const key = `${pod?.metadata.uid ?? unit?.uid ?? ''}/${container}/${reason}`;
    const bucket = buckets.get(key) ?? { tokens: BURST, at: now };
    const refilled = Math.min(bucket.tokens + Math.max(0, now - bucket.at) / REFILL_MS, BURST);
    buckets.set(key, { tokens: refilled >= 1 ? refilled - 1 : refilled, at: now });
    // A bucket that has filled up again is as good as none.
    if (buckets.size > 1000) for (const [old, { at }] of buckets) if (now - at > BURST * REFILL_MS) buckets.delete(old);
    return refilled < 1;
  }

  return {
    add(event) {
      if (isTooMuch(event)) return;
      const { type, reason, message, pod, container, unit } = event;
      const { name, namespace = '', uid } = pod?.metadata ?? { name: '', uid: '' };
      recent().push({
        id: `${run}-${++count}`,
        at: serverTime(),
        type,
        reason,
        message: message.length > MESSAGE_MAX ? `${message.slice(0, MESSAGE_MAX - 1)}…` : message,
        ...(pod ? { pod: { namespace, name, uid } } : {}),
        ...(container === undefined ? {} : { container }),
        ...(unit && { unit }),
      });
      log[type === 'Normal' ? 'info' : 'warn'](message, { reason, ...(pod ? { pod: `${namespace}/${name}` } : {}) });
      onAdd();
    },
    recent: () => [...recent()],
  };
}
