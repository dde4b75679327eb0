import type { HostKv } from '../../../agent/kv/host-kv.ts';
import { openHostKv } from '../../../agent/kv/host-kv.ts';
import { UnreachableError } from '../../../agent/kv/control-plane.ts';
import type { KvQuestions } from '../../../agent/kv/questions.ts';
import { isOldest } from '../../../core/keyspace/entry.ts';
import type { Log, LogEntry } from '../../../core/keyspace/log.ts';
import type { OpenKeyspace } from '../../../core/keyspace/open.ts';
import { decodeCalls, decodeForwardedAnswer, decodeTail, encodeCalls, encodeSnapshotPage } from '../../../core/node/kv.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { PagedLog } from '../../../core/ports/keyspaces.ts';
import type { Schedule } from '../../../core/ports/schedule.ts';
import type { EtcdService } from '../../../core/etcd/service.ts';
import { kvAnswers } from '../../../functions/node/kv/answers.ts';
import { memoryInterest } from '../../../functions/node/kv/interest.ts';
import type { Machine } from './machine.ts';
import type { MemoryDisk } from './memory-disk.ts';

/** A process of the control plane, as hosts meet it: another one at each request, perhaps. */
export interface ControlPlaneProcess {
  readonly machine: Machine;
  readonly keyspace: OpenKeyspace;
  readonly service: EtcdService;
  readonly log: PagedLog;
}

export interface SimulatedHostOptions {
  readonly name: string;
  readonly machine: Machine;
  readonly disk: MemoryDisk;
  readonly schedule: Schedule;
  /** Who answers just now; undefined: nobody does. */
  readonly controlPlane: () => ControlPlaneProcess | undefined;
  readonly pushConnected: () => boolean;
  /** Its agent is of before there was a second format of entries: called if it is given one of that. */
  readonly onUnreadable?: ((facts: string) => void) | undefined;
  /** Broken on purpose: between the host's cache and the control plane. */
  readonly sabotage?: ((questions: KvQuestions) => KvQuestions) | undefined;
}

const HOST = { kind: 'host', tenant: 't', cluster: 'c' } as const;

/** The real cache of a host (agent/kv) over the real answers of the control plane (functions/node/kv), with a network between that loses things. */
export function openSimulatedHost(options: SimulatedHostOptions): Promise<HostKv> {
  const { name, machine, disk, schedule } = options;
  const questions = ofItsAge(questionsOver(options), options.onUnreadable);
  return openHostKv({
    questions: options.sabotage?.(questions) ?? questions,
    identity: { cluster: 'c', hostId: name, nodeName: name },
    directory: () => disk.open(machine),
    prefixes: [],
    bytesMax: 64_000_000,
    log: silentLogger,
    timing: machine.timing,
    schedule,
    // A process that is killed doesn't say goodbye.
    signal: new AbortController().signal,
    pushConnected: options.pushConnected,
    clientUrls: () => [],
  });
}

/** An old agent asks without knowing of formats. */
function ofItsAge(questions: KvQuestions, onUnreadable: SimulatedHostOptions['onUnreadable']): KvQuestions {
  if (!onUnreadable) return questions;
  const assertRead = (entries: readonly LogEntry[]) => {
    for (const { sequence, body } of entries) if (!isOldest(body)) onUnreadable(`entry ${sequence} in format ${body[0]}`);
  };
  return {
    ...questions,
    async calls(body, options) {
      const { after, calls } = decodeCalls(body);
      const answer = await questions.calls(encodeCalls({ after, calls }), options);
      assertRead(decodeForwardedAnswer(answer).entries);
      return answer;
    },
    async tail({ after, verify, news, watch }, options) {
      const answer = await questions.tail({ after, verify, news, watch }, options);
      const tail = decodeTail(answer);
      if (tail !== 'trimmed') assertRead(tail.entries);
      return answer;
    },
  };
}

function questionsOver({ name, machine, controlPlane }: SimulatedHostOptions): KvQuestions {
  const ask = async (question: (process: ControlPlaneProcess) => Promise<Uint8Array>): Promise<Buffer> => {
    try {
      const answer = await machine.request(async () => {
        const process = controlPlane();
        if (!process) throw new Error('nobody answers');
        return process.machine.outlives(question(process));
      });
      return Buffer.from(answer);
    } catch (error) {
      throw new UnreachableError((error as Error).message, { cause: error });
    }
  };
  const host = { ...HOST, hostId: name, nodeName: name };
  const answersOf = ({ keyspace, service, log, machine: { timing } }: ControlPlaneProcess) =>
    kvAnswers({
      services: { open: async () => service },
      keyspaces: { open: async () => keyspace },
      logs: { log: () => log as Log as PagedLog },
      interest: memoryInterest(),
      clock: timing,
    });
  return {
    calls: (body) => ask(async (process) => (await answersOf(process).calls(host, body)).bytes),
    tail: (question) => ask((process) => answersOf(process).tail(host, question)),
    snapshot: (cursor) => ask(async ({ log }) => encodeSnapshotPage(await log.snapshotPage(cursor))),
    past: (question) => ask((process) => answersOf(process).past(host, question)),
    // Several requests under way at once meet each other.
    cheap: () => true,
  };
}
