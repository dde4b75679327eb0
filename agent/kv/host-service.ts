import { CODE, EtcdError } from '../../core/etcd/errors.ts';
import { ALARMS_PROPERTY, requireSound } from '../../core/etcd/alarms.ts';
import { AUTH_PROPERTY } from '../../core/etcd/auth/auth-state.ts';
import { admitTxn, admitWatch } from '../../core/etcd/auth/admission.ts';
import { permitsOf } from '../../core/etcd/auth/permits.ts';
import { checkTxn } from '../../core/etcd/check-txn.ts';
import { identityOf } from '../../core/etcd/identity.ts';
import { listLeases } from '../../core/etcd/leases.ts';
import { asContender } from '../../core/etcd/methods/contend.ts';
import { electionMethods, observe } from '../../core/etcd/methods/election.ts';
import { lockMethods } from '../../core/etcd/methods/lock.ts';
import { ETCD_VERSION, requireAdmin } from '../../core/etcd/methods/maintenance.ts';
import type { Methods } from '../../core/etcd/methods/methods.ts';
import { decodeResponse, encodeRequest, revisionOf } from '../../core/etcd/protobuf/index.ts';
import { checkRange, range } from '../../core/etcd/range.ts';
import { readerOf } from '../../core/etcd/reader.ts';
import type { EtcdCaller, EtcdMethod, EtcdRelay, EtcdRequestOf, EtcdResponseOf, EtcdService } from '../../core/etcd/service.ts';
import { snapshotStream } from '../../core/etcd/snapshot-stream.ts';
import { isReadOnly, isSerializable, readTransaction } from '../../core/etcd/txn.ts';
import { openWatchSession } from '../../core/etcd/watch-session.ts';
import { CompactedError } from '../../core/keyspace/errors.ts';
import type { OpenKeyspace } from '../../core/keyspace/open.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import type { View } from '../../core/keyspace/view.ts';
import type { Schedule } from '../../core/ports/schedule.ts';
import { asOfNow } from './as-of-now.ts';
import type { Following } from './following.ts';
import { CALL_MS, type Forwarder } from './forwarder.ts';
import { hostErrorOf } from './host-errors.ts';
import type { KeyChoice } from './key-choice.ts';
import { type LocalCopy, TooLargeError } from './local-copy.ts';
import type { ReadPast } from './remote-past.ts';
import { watchSource } from './watch-source.ts';

export interface HostServiceOptions {
  readonly cluster: string;
  readonly nodeName: string;
  readonly copy: LocalCopy;
  readonly following: Following;
  readonly forwarder: Forwarder;
  readonly keys: KeyChoice;
  /** What the copy has forgotten. */
  readonly past: ReadPast;
  readonly schedule: Schedule;
  readonly timing: Timing;
  /** Where clients reach this service. */
  readonly clientUrls: () => readonly string[];
  /** Did the control plane answer last? */
  readonly reachable: () => boolean | undefined;
  readonly count: (answered: 'local' | 'forwarded') => void;
}

/** How long a read that may be old waits for the copy to be brought up to date after a pause, ms. */
const FRESHEN_MS = 500;
const SEEN_AGAIN_MS = 100;

type Local = {
  readonly [M in EtcdMethod]?: (request: EtcdRequestOf<M>, caller: EtcdCaller) => Promise<EtcdResponseOf<M> | undefined>;
};

/**
 * etcd's services on a host. Reads that may be old, and watches, are answered from this host's copy, whether the control plane can be
 * reached or not; linearizable reads ask it only whether the copy is current. All else is passed on to it.
 */
export function hostService(options: HostServiceOptions): EtcdService {
  const { copy, following, forwarder, keys, cluster } = options;
  const { memberId } = identityOf(cluster);
  /** The newest revision that the control plane has answered with. */
  let answered = 0;

  /** The copy to read from; undefined: there is none, the control plane has to be asked. */
  async function reader(serializable: boolean): Promise<{ keyspace: OpenKeyspace; view: View } | undefined> {
    try {
      if (!serializable) {
        void following.use();
        // The first one need not wait until all of a large store is here.
        const keyspace = copy.keyspace ? await copy.sync() : await soon(options.schedule, FRESHEN_MS, copy.sync());
        if (!keyspace) return undefined;
        requireSound(keyspace.property(ALARMS_PROPERTY));
        return { keyspace, view: keyspace.view() };
      }
      if (!following.touch()) await soon(options.schedule, FRESHEN_MS, following.use());
      const { keyspace } = copy;
      if (keyspace && keyspace.view().revision < answered)
        await soon(options.schedule, FRESHEN_MS, copy.catchUp()).catch(() => undefined);
      // Nobody is led back behind what the control plane answered here while there was no copy yet.
      if (keyspace && keyspace.view().revision < answered) return undefined;
      if (keyspace) requireSound(keyspace.property(ALARMS_PROPERTY));
      return keyspace && { keyspace, view: keyspace.view() };
    } catch (error) {
      if (error instanceof TooLargeError) return undefined;
      throw error;
    }
  }

  /** By the users and roles that the copy knows of. */
  const permits = (keyspace: OpenKeyspace, caller: EtcdCaller) =>
    permitsOf(keyspace.property(AUTH_PROPERTY), caller, options.timing.now());

  const local: Local = {
    async Range(request, caller) {
      checkRange(request);
      if (!keys.covers(request)) return undefined;
      const from = await reader(request.serializable);
      if (!from) return undefined;
      permits(from.keyspace, caller).read(request);
      return orForgotten(() => range(readerOf(from.keyspace, from.view), request));
    },
    async Txn(request, caller) {
      checkTxn(request);
      if (!isReadOnly(request) || !keys.coversTxn(request)) return undefined;
      const from = await reader(isSerializable(request));
      if (!from) return undefined;
      admitTxn(permits(from.keyspace, caller), from.keyspace, request);
      return orForgotten(() => readTransaction(readerOf(from.keyspace, from.view), request));
    },
    async LeaseLeases() {
      const from = await reader(false);
      return from && { revision: from.view.revision, ids: listLeases(from.keyspace.leases()).map(({ id }) => id) };
    },
    async MemberList() {
      const member = { id: memberId, name: options.nodeName, peerUrls: [], clientUrls: options.clientUrls() };
      return { revision: copy.keyspace?.view().revision ?? 1, members: [member] };
    },
    async Status() {
      const from = await reader(true);
      if (!from) return undefined;
      const { bytes } = from.keyspace;
      return { revision: from.view.revision, version: ETCD_VERSION, dbSize: bytes, dbSizeInUse: bytes, errors: [] };
    },
  };

  async function forward<M extends EtcdMethod>(
    method: M,
    request: EtcdRequestOf<M>,
    caller: EtcdCaller,
  ): Promise<EtcdResponseOf<M>> {
    void following.use();
    const giveUpAt = options.timing.elapsed() + CALL_MS;
    const response = await forwarder.call(method, encodeRequest(method, asOfNow(method, request)), {
      token: caller.token ?? '',
      canWait: method === 'LeaseKeepAlive',
    });
    const decoded = decodeResponse(method, response);
    answered = Math.max(answered, decoded.revision);
    await seen(decoded.revision, giveUpAt);
    return decoded;
  }

  /**
   * Whoever writes here reads here what it wrote, even where reads may be old. Mostly that came with the answer. If it can't be had in time, the
   * write is answered as one whose outcome isn't known, rather than that reads go back behind it.
   */
  async function seen(revision: number, giveUpAt: number): Promise<void> {
    for (;;) {
      const { keyspace } = copy;
      if (!keyspace || keyspace.view().revision >= revision) return;
      const caughtUp = await copy.catchUp().then(
        () => true,
        () => false,
      );
      if (caughtUp) continue;
      if (options.timing.elapsed() >= giveUpAt) throw EtcdError.of('timeout');
      await new Promise<void>((resolve) => void options.schedule(SEEN_AGAIN_MS, resolve));
    }
  }

  const relay: EtcdRelay = {
    methods: RELAYED,
    call(method, request, caller, done) {
      if (options.reachable() === false && caller.requireLeader) return done(EtcdError.of('noLeader'), undefined);
      options.count('forwarded');
      if (!following.touch()) void following.use();
      const giveUpAt = options.timing.elapsed() + CALL_MS;
      forwarder.send(method, request, { token: caller.token ?? '' }, (error, response) => {
        if (!response) return done(hostErrorOf(error), undefined);
        const revision = revisionOf(response);
        answered = Math.max(answered, revision);
        if ((copy.revision ?? revision) >= revision) return done(undefined, response);
        seen(revision, giveUpAt).then(
          () => done(undefined, response),
          (problem: unknown) => done(hostErrorOf(problem), undefined),
        );
      });
    },
  };

  const service: EtcdService = {
    relay,
    async call(method, request, caller) {
      if (caller.requireLeader && options.reachable() === false) throw EtcdError.of('noLeader');
      if (Object.hasOwn(waiting, method)) return (waiting as Methods)[method](request, caller);
      try {
        const answer = await local[method]?.(request, caller);
        options.count(answer ? 'local' : 'forwarded');
        return answer ?? (await forward(method, request, caller));
      } catch (error) {
        throw hostErrorOf(error);
      }
    },
    watch(caller) {
      const release = following.hold();
      const source = watchSource({
        copy,
        freshen: () => soon(options.schedule, FRESHEN_MS, following.use()),
        past: () => (options.reachable() === false ? undefined : options.past),
      });
      return openWatchSession({
        source,
        schedule: options.schedule,
        signal: caller.signal,
        onEnd: release,
        admit(request) {
          if (caller.requireLeader && options.reachable() === false) throw EtcdError.of('noLeader');
          if (!keys.covers(request)) {
            const kept = keys.prefixes.join(', ');
            throw new EtcdError(
              CODE.failedPrecondition,
              `etcdserver: this host keeps the keys below ${kept} only: watch those, or the control plane's endpoint`,
            );
          }
          const { keyspace } = copy;
          if (keyspace) admitWatch(() => permits(keyspace, caller), request);
        },
      });
    },
    async *snapshot(caller) {
      if (!keys.all) throw new EtcdError(CODE.failedPrecondition, NOT_ALL_KEYS);
      try {
        const keyspace = await copy.sync();
        yield* snapshotStream(keyspace, () => requireAdmin(permits(keyspace, caller)));
      } catch (error) {
        throw hostErrorOf(error);
      }
    },
    observe: (name, caller) => observe(contended, name, caller),
  };
  // They wait for others here, by watches, rather than in the control plane.
  const contended = asContender(service);
  const waiting = { ...lockMethods(contended), ...electionMethods(contended) };
  return service;
}

/** Undefined: it is about a revision that this copy doesn't have any more; the control plane may. */
function orForgotten<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CompactedError) return undefined;
    throw error;
  }
}

/** Nothing of them is answered or checked here. */
const RELAYED: ReadonlySet<EtcdMethod> = new Set(['Put', 'DeleteRange']);

const NOT_ALL_KEYS = "etcdserver: this host keeps only a part of the keys: save a snapshot from the control plane's endpoint";

/** Undefined: it takes longer, and goes on. */
async function soon<T>(schedule: Schedule, ms: number, work: Promise<T>): Promise<T | undefined> {
  let cancel = () => {};
  const late = new Promise<undefined>((resolve) => {
    cancel = schedule(ms, () => resolve(undefined));
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    cancel();
  }
}
