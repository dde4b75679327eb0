import { type Assignment, REVISION_HEADER } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { assignmentProblem } from '../assignment-state.ts';
import { seconds } from '../identity/join.ts';
import { around, retryDelay } from './jitter.ts';
import { connectionProblem, Refusal } from './refusal.ts';
import type { SignedClient } from './signed-client.ts';

export interface AssignmentPollOptions {
  readonly client: SignedClient;
  readonly log: Logger;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Seconds between polls without a hint. */
  readonly pollSeconds: () => number;
  readonly onAssignment: (assignment: Assignment) => Promise<void>;
  /** What is in force is what is assigned, as of when it was asked for: `askedAt`, by `clock`. */
  readonly onCurrent?: (askedAt: number, revision: number) => void;
  readonly clock?: () => number;
  /** The control plane answered, or can't be reached. */
  readonly onReachable: (reachable: boolean) => void;
  /** The node was removed from its cluster, and its key with it. */
  readonly onRevoked: (message: string) => void;
}

/** Some of an assignment changes with time, without a commit: credentials of registries, every 3 hours. */
const UNASKED_MS_MAX = 3_600_000;

export interface AssignmentPoll {
  /** Ask now: there is a hint that something changed. */
  readonly now: () => void;
  /** Something else told that there is nothing new: the next poll comes a whole distance from now. */
  readonly current: () => void;
  readonly close: () => void;
}

/** Fetches the assignment when hinted, and from time to time; backs off while the control plane can't be reached. */
export function pollAssignment(options: AssignmentPollOptions): AssignmentPoll {
  const { client, log, random, signal } = options;
  let etag: string | undefined;
  let failures = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  let again = false;
  let known = false;
  /** By `clock`. */
  let asked = 0;

  async function ask(): Promise<number> {
    const askedAt = options.clock?.() ?? 0;
    asked = askedAt;
    const answer = await client.send({
      method: 'GET',
      path: '/node/v1/assignment',
      headers: { 'accept-encoding': 'gzip', ...(etag !== undefined && { 'if-none-match': etag }) },
      signal,
    });
    if (answer.status === 200) {
      const document = JSON.parse(answer.body) as Assignment;
      const problem = assignmentProblem(document);
      if (problem) throw new Error(`the assignment can't be used: ${problem}`);
      await options.onAssignment(document);
      etag = answer.headers.etag;
    } else if (answer.status !== 304) throw new Refusal(answer);
    known = true;
    options.onCurrent?.(askedAt, Number(answer.headers[REVISION_HEADER] ?? 0));
    return around(options.pollSeconds() * 1000, random);
  }

  async function round(): Promise<void> {
    clearTimeout(timer);
    busy = true;
    again = false;
    let wait: number;
    try {
      wait = await ask();
      if (failures > 0)
        log.info(`the control plane ${client.server.origin} answers again`, { after: `${failures} failed attempts` });
      failures = 0;
      options.onReachable(true);
    } catch (error) {
      if (signal.aborted) return;
      // The first report makes the node; until it has arrived there is nothing to fetch.
      const early = error instanceof Refusal && error.code === 'not_found' && !known;
      wait = (error instanceof Refusal ? error.retryAfterMs : undefined) ?? retryDelay(failures, random);
      failures++;
      if (!early || failures > 3) {
        log.warn(
          `no assignment from the control plane ${client.server.origin}: ${connectionProblem(error)}. Containers go on as last assigned; trying again in ${seconds(wait)}`,
        );
      }
      options.onReachable(error instanceof Refusal && error.status < 500);
      if (error instanceof Refusal && error.code === 'host_revoked') options.onRevoked(error.message);
    }
    busy = false;
    if (signal.aborted) return;
    // A hint that came meanwhile may tell of more than the answer holds; while it fails, hints don't overrule the back-off.
    timer = setTimeout(() => void round(), again && failures === 0 ? 0 : wait);
  }

  void round();
  return {
    now() {
      if (busy) again = true;
      else if (!signal.aborted) void round();
    },
    current() {
      if (busy || failures > 0 || signal.aborted || (options.clock?.() ?? 0) - asked > UNASKED_MS_MAX) return;
      clearTimeout(timer);
      timer = setTimeout(() => void round(), around(options.pollSeconds() * 1000, random));
    },
    close: () => clearTimeout(timer),
  };
}
