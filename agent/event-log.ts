import { randomBytes } from 'node:crypto';
import type { HostEvent } from '../core/node/report.ts';
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
}

const KEEP_MS = 120_000;
const KEEP_MAX = 500;
const MESSAGE_MAX = 1024;

/** `serverTime`: ms since the epoch as the control plane has it. */
export function eventLog(serverTime: () => number, onAdd: () => void): EventLog {
  // Ids of another run of the agent must differ from this one's.
  const run = randomBytes(6).toString('hex');
  let count = 0;
  let events: HostEvent[] = [];

  const recent = () => {
    const oldest = serverTime() - KEEP_MS;
    events = events.filter((event) => event.at > oldest).slice(-KEEP_MAX);
    return events;
  };

  return {
    add({ type, reason, message, pod, container }) {
      recent().push({
        id: `${run}-${++count}`,
        at: serverTime(),
        type,
        reason,
        message: message.length > MESSAGE_MAX ? `${message.slice(0, MESSAGE_MAX - 1)}…` : message,
        ...(pod ? { pod: { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name, uid: pod.metadata.uid } } : {}),
        ...(container === undefined ? {} : { container }),
      });
      onAdd();
    },
    recent: () => [...recent()],
  };
}
