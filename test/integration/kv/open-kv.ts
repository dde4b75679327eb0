import { type HostKv, type HostKvOptions, openHostKv } from '../../../agent/kv/host-kv.ts';
import { kvQuestions } from '../../../agent/kv/kv-questions.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { systemSchedule } from '../../../functions/etcd/services.ts';
import { systemTiming } from '../../../store/system-timing.ts';
import type { TestHost } from './world.ts';

export interface OpenKvOptions extends Partial<HostKvOptions> {
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** The key-value store of a host as its agent opens it: it asks the control plane of the test's world. */
export function openKv(host: TestHost, { directory, signal, ...rest }: OpenKvOptions): Promise<HostKv> {
  return openHostKv({
    questions: questionsOf(host, signal),
    identity: host.identity,
    directory,
    prefixes: [],
    bytesMax: 64_000_000,
    log: silentLogger,
    timing: systemTiming(),
    schedule: systemSchedule,
    signal,
    pushConnected: () => false,
    clientUrls: () => [],
    ...rest,
  });
}

export function questionsOf(host: TestHost, signal: AbortSignal) {
  return kvQuestions({ client: host.client, elapsed: () => performance.now(), random: Math.random, signal });
}
