import { memoryKeyspace } from '../../keyspace/memory.ts';
import type { OpenKeyspace } from '../../keyspace/open.ts';
import { VirtualTime } from '../../keyspace/testing/virtual-time.ts';
import type { LeaseDeadlines } from '../../ports/lease-deadlines.ts';
import { identityOf } from '../identity.ts';
import { type KeyspaceService, keyspaceService, type KeyspaceServiceOptions } from '../keyspace-service.ts';
import { memoryLeaseDeadlines } from '../memory-lease-deadlines.ts';

export interface ServiceWorld {
  readonly service: KeyspaceService;
  readonly keyspace: OpenKeyspace;
  readonly deadlines: LeaseDeadlines;
  readonly time: VirtualTime;
  readonly errors: unknown[];
  /** Lets that much time pass; timers ring on the way. */
  pass(ms: number): Promise<void>;
}

/** etcd's services over a keyspace in memory, with a clock of its own. */
export function serviceWorld({
  startAt = 0,
  time = new VirtualTime(),
  ...options
}: Partial<KeyspaceServiceOptions> & { startAt?: number; time?: VirtualTime } = {}): ServiceWorld {
  time.jump(startAt);
  const keyspace = options.keyspace ?? memoryKeyspace();
  const deadlines = options.deadlines ?? memoryLeaseDeadlines();
  const errors: unknown[] = [];
  const service = keyspaceService({
    timing: options.timing ?? time,
    schedule(delayMs, action) {
      let cancelled = false;
      void time.pause(delayMs).then(() => {
        if (!cancelled) action();
      });
      return () => {
        cancelled = true;
      };
    },
    soleKeeper: true,
    randomBytes: (count) => new Uint8Array(count).fill(7),
    member: { id: identityOf('test').memberId, name: 'test', peerUrls: [], clientUrls: [] },
    onError: (error) => void errors.push(error),
    ...options,
    keyspace,
    deadlines,
  });
  return { service, keyspace, deadlines, time, errors, pass: (ms) => time.run(time.pause(ms)) };
}
