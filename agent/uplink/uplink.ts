import { type Assignment, FIRST_SETTINGS } from '../../core/node/assignment.ts';
import { fencedEndSeconds } from '../../core/node/fencing.ts';
import { isAskedAnew } from '../../core/node/node-timeout.ts';
import type { PushMessage } from '../../core/node/push.ts';
import type { Report, ReportAnswer } from '../../core/node/report.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { LeaseKeeper } from '../fencing/lease-keeper.ts';
import type { CounterName } from '../health/metrics.ts';
import { pollAssignment } from './assignment-poll.ts';
import type { LogSources } from './log-stream.ts';
import { pushChannel } from './push-channel.ts';
import { reporter, type Rhythm } from './reporter.ts';
import type { SignedClient } from './signed-client.ts';
import { streams } from './streams.ts';

/** All that goes between this host and the control plane once it has joined. */
export interface Uplink {
  /** There may be news to report; `settled`: nothing more is about to change. */
  check(settled: boolean): void;
  /** Did the control plane answer last? Undefined before the first answer, or the first failure to get one. */
  reachable(): boolean | undefined;
  pushConnected(): boolean;
  close(): void;
}

export interface UplinkOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly count: (name: CounterName) => void;
  /** The current report, and a text that differs when it is worth sending; undefined while there is nothing to say yet. */
  readonly report: () => { readonly report: Report; readonly key: string } | undefined;
  /** In force. */
  readonly assignment: () => Assignment | undefined;
  readonly onAssignment: (next: Assignment) => Promise<void>;
  /** The node was removed from its cluster. */
  readonly onRevoked: (message: string) => void;
  /** There is a commit to the key-value store. */
  readonly onKv: (message: PushMessage & { readonly type: 'kv' }) => void;
  /** There is a push connection, or the control plane answers again. */
  readonly onBack: () => void;
  readonly lease: Pick<LeaseKeeper, 'fenced' | 'holds' | 'renew' | 'confirm' | 'endSeconds'>;
  readonly logSources: LogSources;
}

/** A push connection that is back so soon was not worth a report: the control plane gives it a host timeout. */
const PUSH_GRACE_MS = 5_000;
/** A host that was given up is back in the log after a moment. */
const LEASE_RETRY_MS = 2_000;

export function startUplink(options: UplinkOptions): Uplink {
  const { client, log, uptime, random, signal, count, assignment, lease, onRevoked } = options;
  const settings = () => ({ ...FIRST_SETTINGS, ...assignment()?.settings });
  let reachable: boolean | undefined;
  /** Newest revision of the registry for which it was asked what it means for this host. */
  let askedRevision = 0;
  /** As of this one the assignment is known. */
  let knownRevision = -1;
  let pushGrace: ReturnType<typeof setTimeout> | undefined;

  /** Its push connection tells that the host lives, as long as nobody has to be sure; else its reports do. */
  function rhythm(): Rhythm {
    const { reportSeconds, renewSeconds, fencedStopSeconds, fencedGraceSeconds } = settings();
    const relaxed = push.connected() && !lease.fenced();
    return {
      seconds: relaxed ? reportSeconds : Math.min(renewSeconds, reportSeconds),
      relaxed,
      stopSeconds: fencedStopSeconds,
      graceSeconds: fencedGraceSeconds,
      // Times that were shortened hold from the answer on: this report may be heard, and its answer not.
      leaseSeconds: Math.max(fencedEndSeconds(settings()), lease.endSeconds()),
    };
  }

  function onSent(sentAt: number, answer: Partial<ReportAnswer>, rhythm: Rhythm): void {
    count('terrane_agent_reports_total');
    const { revision = 0, lease: granted = false } = answer;
    if (granted) lease.renew(sentAt, rhythm);
    else if (lease.fenced()) report.now(LEASE_RETRY_MS);
    // A lease that had run out is good only for what is assigned now.
    const unconfirmed = granted && lease.fenced() && !lease.holds();
    // Where nothing can be pushed (a proxy without WebSockets), reports tell that there may be news.
    const unheard = !push.connected() && revision > askedRevision;
    if (!assignment() || reachable === false || unheard || unconfirmed) poll.now();
    // Nothing was committed since the assignment was asked for: asking again would tell the same.
    else if (revision === knownRevision) poll.current();
    askedRevision = Math.max(askedRevision, revision);
  }

  const report = reporter({
    client,
    log,
    random,
    uptime,
    signal,
    onRevoked,
    rhythm,
    build: options.report,
    onSent,
  });
  const poll = pollAssignment({
    client,
    log,
    random,
    signal,
    onRevoked,
    pollSeconds: () => settings().pollSeconds,
    clock: uptime,
    async onAssignment(next) {
      count('terrane_agent_assignments_total');
      const before = assignment();
      // Others don't reach this host: it is to show that it lives, whatever there is to do beside.
      if (before && isAskedAnew(next.node, before.node)) report.now();
      await options.onAssignment(next);
    },
    onCurrent(askedAt, revision) {
      knownRevision = revision;
      lease.confirm(askedAt);
      // The first fenced pod came: it waits for a lease.
      if (lease.fenced() && !lease.holds()) report.now();
      else report.check(true);
    },
    onReachable(answers) {
      const back = answers && reachable !== true;
      reachable = answers;
      if (!back) return;
      // Whoever waits for its own back-off need not any more.
      report.reachable();
      push.reachable();
      options.onBack();
    },
  });
  const answering = streams(client, options.logSources, log, signal);
  const push = pushChannel({
    client,
    log,
    random,
    signal,
    onMessage,
    onConnected(again) {
      clearTimeout(pushGrace);
      poll.now();
      options.onBack();
      // The control plane has seen a connection end, and waits for a word.
      if (again) report.now();
    },
    onLost() {
      clearTimeout(pushGrace);
      pushGrace = setTimeout(() => report.now(), PUSH_GRACE_MS);
    },
  });

  function onMessage(message: PushMessage): void {
    switch (message.type) {
      case 'hint':
        if (message.revision > (assignment()?.revision ?? 0)) poll.now();
        return;
      case 'stream':
        count('terrane_agent_log_streams_total');
        return answering.answer(message.id, message.request, message.parts ?? false);
      case 'cancel':
        return answering.cancel(message.id);
      case 'kv':
        return options.onKv(message);
    }
  }

  return {
    check: report.check,
    reachable: () => reachable,
    pushConnected: () => push.connected(),
    close() {
      clearTimeout(pushGrace);
      poll.close();
      report.close();
    },
  };
}
