import { randomBytes } from 'node:crypto';
import type { EtcdService } from '../../core/etcd/service.ts';
import type { OpenKeyspace } from '../../core/keyspace/open.ts';
import type { Timing } from '../../core/keyspace/timing.ts';
import type { PushMessage } from '../../core/node/push.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { Schedule } from '../../core/ports/schedule.ts';
import { CacheFile, type CopyFile } from './cache-file.ts';
import { Following } from './following.ts';
import { Forwarder } from './forwarder.ts';
import { hostService } from './host-service.ts';
import { type KeyChoice, keyChoice } from './key-choice.ts';
import { LocalCopy } from './local-copy.ts';
import type { KvQuestions } from './questions.ts';
import { remoteLog } from './remote-log.ts';
import { remotePast } from './remote-past.ts';

export interface HostKvOptions {
  readonly questions: KvQuestions;
  readonly identity: { readonly cluster: string; readonly hostId: string; readonly nodeName: string };
  /** The copy's own; made if need be. Or where else it is kept. */
  readonly directory: string | ((keys: KeyChoice) => CopyFile);
  /** Which keys a copy is kept of; none: all, from the first use on. Chosen ones are followed all the time. */
  readonly prefixes: readonly string[];
  readonly bytesMax: number;
  readonly log: Logger;
  readonly timing: Timing;
  readonly schedule: Schedule;
  readonly signal: AbortSignal;
  readonly pushConnected: () => boolean;
  /** Where clients reach the service. */
  readonly clientUrls: () => readonly string[];
}

export interface HostKvFacts {
  readonly revision: number | undefined;
  readonly keys: number;
  readonly bytes: number;
  readonly watchers: number;
  readonly following: boolean;
  /** Why reads go through to the control plane. */
  readonly tooLarge: string | undefined;
  /** What was found damaged on disk, and loaded again. */
  readonly damage: string | undefined;
  /** Why the copy can't be written to disk. */
  readonly diskProblem: string | undefined;
  readonly answeredLocally: number;
  readonly forwarded: number;
}

/** The key-value store on a host: etcd's services over a copy, and what keeps that up to date. */
export interface HostKv {
  readonly service: EtcdService;
  onMessage(message: PushMessage & { readonly type: 'kv' }): void;
  /** The push connection is there again, or the control plane answers again. */
  onReachable(): void;
  facts(): HostKvFacts;
  /** The copy as it is in memory, if there is one. */
  keyspace(): OpenKeyspace | undefined;
  /** The host was removed from its cluster: nothing is served any more, and nothing kept. */
  dismiss(): Promise<void>;
  close(): Promise<void>;
}

export async function openHostKv(options: HostKvOptions): Promise<HostKv> {
  const { questions, identity, timing, log, schedule } = options;
  const { cluster, hostId, nodeName } = identity;
  const end = new AbortController();
  const signal = AbortSignal.any([options.signal, end.signal]);
  const keys = keyChoice(options.prefixes);
  const counts = { local: 0, forwarded: 0 };
  let reachable: boolean | undefined;
  /** The last commit that this host was told of while calls were under way. */
  let hinted = 0;
  const onAnswer = (answered: boolean) => {
    const back = answered && reachable === false;
    reachable = answered;
    if (back) following.news();
  };

  const { directory } = options;
  const file =
    typeof directory === 'string'
      ? new CacheFile(directory, { owner: `${cluster}/${hostId}`, prefixes: keys.prefixes })
      : directory(keys);
  const remote = remoteLog({
    questions,
    onAnswer,
    wantsHints: () => following.wantsHints(),
    onHintsAsked: () => following.asked(),
  });
  const copy = new LocalCopy({
    remote,
    timing,
    log,
    keys,
    file,
    bytesMax: options.bytesMax,
  });
  await copy.restore();
  const following = new Following({
    catchUp: () => copy.catchUp(),
    pushConnected: options.pushConnected,
    elapsed: () => timing.elapsed(),
    random: () => timing.random(),
    schedule,
    signal,
    always: !keys.all,
  });
  const forwarder = new Forwarder({
    questions,
    id: randomBytes(12).toString('base64url'),
    timing,
    schedule,
    signal,
    after: () => copy.sequence,
    onEntries(entries) {
      for (const entry of entries ?? []) copy.take(entry);
      const sequence = copy.sequence ?? 0;
      // What the answer had is what this host is not told of otherwise.
      const missing = entries === undefined || (entries.at(-1)?.sequence ?? 0) > sequence;
      if (forwarder.underWay && !missing) return;
      if (missing || sequence < hinted) following.news();
      hinted = 0;
    },
    onAnswer,
  });
  const service = hostService({
    cluster,
    nodeName,
    copy,
    following,
    forwarder,
    keys,
    past: remotePast(questions),
    schedule,
    timing,
    clientUrls: options.clientUrls,
    reachable: () => reachable,
    count: (answered) => void counts[answered]++,
  });

  return {
    service,
    onMessage({ sequence, entry, body = entry }) {
      if (!following.active) return;
      const taken = body !== undefined && copy.take({ sequence, body: Buffer.from(body, 'base64') });
      if (taken || (copy.sequence ?? 0) >= sequence) return;
      // Mostly it is of a commit of ours, which comes with the answer.
      if (forwarder.underWay) hinted = Math.max(hinted, sequence);
      else following.news();
    },
    onReachable: () => following.reconnected(),
    facts: () => factsOf(copy, following, counts),
    keyspace: () => copy.keyspace,
    async dismiss() {
      end.abort();
      await copy.discard();
    },
    async close() {
      end.abort();
      await copy.close();
    },
  };
}

function factsOf(copy: LocalCopy, following: Following, counts: { local: number; forwarded: number }): HostKvFacts {
  const { keyspace } = copy;
  return {
    revision: keyspace?.view().revision,
    keys: keyspace?.view().count('', '\u0100') ?? 0,
    bytes: keyspace?.bytes ?? 0,
    watchers: keyspace?.watchers ?? 0,
    following: following.active,
    tooLarge: copy.tooLarge,
    damage: copy.damage,
    diskProblem: copy.diskProblem,
    answeredLocally: counts.local,
    forwarded: counts.forwarded,
  };
}
