import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Timing } from '../keyspace/timing.ts';
import type { LeaseDeadlines } from '../ports/lease-deadlines.ts';
import type { Schedule } from '../ports/schedule.ts';
import { CODE, EtcdError, etcdErrorOf } from './errors.ts';
import { kvMethods } from './methods/kv.ts';
import { leaseMethods } from './methods/lease.ts';
import { maintenanceMethods } from './methods/maintenance.ts';
import type { MethodContext, Methods } from './methods/methods.ts';
import { Lessor } from './lessor.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService, Member, WatchSession } from './service.ts';
import { openWatchSession } from './watch-session.ts';

export interface KeyspaceServiceOptions {
  readonly keyspace: OpenKeyspace;
  readonly deadlines: LeaseDeadlines;
  readonly timing: Timing;
  readonly schedule: Schedule;
  /** Only this process keeps the time of the keyspace's leases (lessor.ts). */
  readonly soleKeeper: boolean;
  /** There is one: the log. */
  readonly member: Member;
  /** After how long without events a watch with `progressNotify` is told how far it has come, ms. Default: etcd's 10 minutes. */
  readonly progressMs?: number | undefined;
  /** Told of what fails in the background. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface KeyspaceService extends EtcdService {
  readonly lessor: Lessor;
}

/**
 * etcd's services over one keyspace, free of any encoding. One per keyspace and process.
 *
 * @example
 * const service = keyspaceService({ keyspace, deadlines: memoryLeaseDeadlines(), timing, schedule, soleKeeper: true, member });
 * await service.call('Put', putOf('foo', 'bar'), {});
 */
export function keyspaceService(options: KeyspaceServiceOptions): KeyspaceService {
  const { keyspace, timing, schedule, member } = options;
  const lessor = new Lessor(options);
  const context: MethodContext = { keyspace, lessor, timing, member };
  const methods: Partial<Methods> = { ...kvMethods(context), ...leaseMethods(context), ...maintenanceMethods(context) };

  return {
    lessor,
    async call<M extends EtcdMethod>(name: M, request: EtcdRequestOf<M>, caller: EtcdCaller): Promise<EtcdResponseOf<M>> {
      const method = methods[name];
      if (!method) throw new EtcdError(CODE.unimplemented, `unknown method ${name}`);
      try {
        return await method(request, caller);
      } catch (error) {
        throw etcdErrorOf(error) ?? error;
      }
    },
    watch(caller: EtcdCaller): WatchSession {
      // Whoever waits for a lease to end waits by a watch: so who serves it sees to it that they end.
      const onEnd = lessor.keepTime();
      return openWatchSession({ source: keyspace, schedule, progressMs: options.progressMs, signal: caller.signal, onEnd });
    },
    snapshot: () => {
      throw new EtcdError(CODE.unimplemented, 'unknown method Snapshot');
    },
    observe: () => {
      throw new EtcdError(CODE.unimplemented, 'unknown method Observe');
    },
  };
}
