import type { OpenKeyspace } from '../keyspace/open.ts';
import type { Timing } from '../keyspace/timing.ts';
import type { Transaction } from '../keyspace/transaction.ts';
import type { LeaseDeadlines } from '../ports/lease-deadlines.ts';
import type { Schedule } from '../ports/schedule.ts';
import { AUTH_PROPERTY } from './auth/auth-state.ts';
import { admitWatch } from './auth/admission.ts';
import { permitsOf } from './auth/permits.ts';
import { EtcdError, etcdErrorOf } from './errors.ts';
import { Lessor } from './lessor.ts';
import { authMethods } from './methods/auth.ts';
import { asContender } from './methods/contend.ts';
import { electionMethods, observe } from './methods/election.ts';
import { kvMethods } from './methods/kv.ts';
import { leaseMethods } from './methods/lease.ts';
import { lockMethods } from './methods/lock.ts';
import { maintenanceMethods, requireAdmin } from './methods/maintenance.ts';
import type { MethodContext, Methods } from './methods/methods.ts';
import { restore, type RestoreSource, type Restored } from './restore.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService, Member } from './service.ts';
import { snapshotStream } from './snapshot-stream.ts';
import { QUOTA_BYTES } from './quota.ts';
import { type SharedSpace, Space } from './space.ts';
import { openWatchSession } from './watch-session.ts';
import { writeTo } from './write.ts';

export interface KeyspaceServiceOptions {
  readonly keyspace: OpenKeyspace;
  readonly deadlines: LeaseDeadlines;
  readonly timing: Timing;
  readonly schedule: Schedule;
  /** For passwords' salts and the key that signs tokens. */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Only this process keeps the time of the keyspace's leases (lessor.ts). */
  readonly soleKeeper: boolean;
  /** There is one: the log. */
  readonly member: Member;
  /** How much the store may take, bytes. Default: etcd's 2 GB. */
  readonly quotaBytes?: (() => number) | undefined;
  /** Other stores that the quota is for, too. */
  readonly shared?: SharedSpace | undefined;
  /** Is this an error of the store that passes by itself? Then clients are told to try again. */
  readonly isPassing?: ((error: unknown) => boolean) | undefined;
  /** After how long without events a watch with `progressNotify` is told how far it has come, ms. Default: etcd's 10 minutes. */
  readonly progressMs?: number | undefined;
  /** lessor.ts's. */
  readonly wakeAt?: ((at: number) => Promise<void>) | undefined;
  /** Told of what fails in the background. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

export interface KeyspaceService extends EtcdService {
  readonly lessor: Lessor;
  /** restore.ts: makes the store what it was; the caller is an administrator. Throws CorruptLogError, TrimmedError, EtcdError. */
  restore(from: RestoreSource): Promise<Restored>;
}

/**
 * etcd's services over one keyspace, free of any encoding. One per keyspace and process.
 *
 * @example
 * const service = keyspaceService({ keyspace, deadlines, timing, schedule, randomBytes, soleKeeper: true, member });
 * await service.call('Put', putOf('foo', bytes), {});
 */
export function keyspaceService(options: KeyspaceServiceOptions): KeyspaceService {
  const { keyspace, timing, schedule, member, progressMs, quotaBytes = () => QUOTA_BYTES } = options;
  const lessor = new Lessor(options);
  const permits = (source: Pick<Transaction, 'property'>, caller: EtcdCaller) =>
    permitsOf(source.property(AUTH_PROPERTY), caller, timing.now());
  const context: MethodContext = {
    keyspace,
    lessor,
    timing,
    member,
    permits,
    space: new Space({
      keyspace,
      memberId: member.id,
      quotaBytes,
      clock: timing,
      shared: options.shared,
      onError: options.onError,
    }),
    randomBytes: options.randomBytes,
    write: writeTo(keyspace, permits),
  };

  /** An error as clients are to know it, or as it is if it is none of theirs. */
  const told = (error: unknown) => etcdErrorOf(error) ?? (options.isPassing?.(error) ? EtcdError.of('timeout') : error);
  const service: KeyspaceService = {
    lessor,
    async restore(from) {
      const restored = await restore(keyspace, from);
      // Leases that came back have no deadlines yet.
      await lessor.expire();
      return restored;
    },
    async call<M extends EtcdMethod>(name: M, request: EtcdRequestOf<M>, caller: EtcdCaller): Promise<EtcdResponseOf<M>> {
      try {
        return await methods[name](request, caller);
      } catch (error) {
        throw told(error);
      }
    },
    watch(caller) {
      // Whoever waits for a lease to end waits by a watch: so who serves it sees to it that they end.
      const onEnd = lessor.keepTime();
      return openWatchSession({
        source: keyspace,
        schedule,
        admit: (request) => admitWatch(() => permits(keyspace, caller), request),
        progressMs,
        errorOf: told,
        signal: caller.signal,
        onEnd,
      });
    },
    snapshot: (caller) => snapshotStream(keyspace, () => requireAdmin(permits(keyspace, caller))),
    observe: (name, caller) => observe(contended, name, caller),
  };
  const contended = asContender(service);
  const methods: Methods = {
    ...kvMethods(context),
    ...leaseMethods(context),
    ...maintenanceMethods(context),
    ...authMethods(context),
    ...lockMethods(contended),
    ...electionMethods(contended),
  };
  return service;
}
