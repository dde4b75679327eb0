import type { Assignment } from '../../core/node/assignment.ts';
import type { PushMessage } from '../../core/node/push.ts';
import type { Report } from '../../core/node/report.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { CounterName } from '../health/metrics.ts';
import { pollAssignment } from './assignment-poll.ts';
import type { LogSources } from './log-stream.ts';
import { pushChannel } from './push-channel.ts';
import { reporter } from './reporter.ts';
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
  readonly now: () => number;
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
  readonly logSources: LogSources;
}

/** Before the first assignment says otherwise. */
const SETTINGS = { reportSeconds: 20, pollSeconds: 300 };

export function startUplink(options: UplinkOptions): Uplink {
  const { client, log, now, random, signal, count, assignment, onRevoked } = options;
  const settings = () => assignment()?.settings ?? SETTINGS;
  let reachable: boolean | undefined;
  /** Newest revision of the registry for which it was asked what it means for this host. */
  let askedRevision = 0;

  const report = reporter({
    client,
    log,
    random,
    now,
    signal,
    onRevoked,
    reportSeconds: () => settings().reportSeconds,
    build: options.report,
    onSent(_at, revision) {
      count('terrane_agent_reports_total');
      // Where nothing can be pushed (a proxy without WebSockets), reports tell that there may be news.
      if (!assignment() || reachable === false || (!push.connected() && revision > askedRevision)) poll.now();
      askedRevision = Math.max(askedRevision, revision);
    },
  });
  const poll = pollAssignment({
    client,
    log,
    random,
    signal,
    onRevoked,
    pollSeconds: () => settings().pollSeconds,
    async onAssignment(next) {
      count('terrane_agent_assignments_total');
      await options.onAssignment(next);
    },
    onReachable(answers) {
      const back = answers && reachable !== true;
      reachable = answers;
      if (!back) return;
      // Whoever waits for its own back-off need not any more.
      report.reachable();
      push.reachable();
    },
  });
  const answering = streams(client, options.logSources, log, signal);
  const push = pushChannel({ client, log, random, signal, onMessage, onConnected: () => poll.now() });

  function onMessage(message: PushMessage): void {
    switch (message.type) {
      case 'hint':
        if (message.revision > (assignment()?.revision ?? 0)) poll.now();
        return;
      case 'stream':
        count('terrane_agent_log_streams_total');
        return answering.answer(message.id, message.request);
      case 'cancel':
        return answering.cancel(message.id);
    }
  }

  return {
    check: report.check,
    reachable: () => reachable,
    pushConnected: () => push.connected(),
    close() {
      poll.close();
      report.close();
    },
  };
}
