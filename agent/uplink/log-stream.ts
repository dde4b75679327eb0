import type { IncomingMessage } from 'node:http';
import { PassThrough, Readable } from 'node:stream';
import { type LogsRequest, STREAM_STATUS_HEADER, type StreamRequest } from '../../core/node/push.ts';
import type { Diagnosis } from '../../core/network/doctor/facts.ts';
import { demultiplexer } from '../docker/demux.ts';
import type { Engine } from '../docker/engine.ts';
import { messageOf } from '../docker/errors.ts';
import { latestAttempt } from '../planner/absorb.ts';
import type { PodMemory } from '../planner/memory.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import { sendParts } from './send-parts.ts';
import type { SignedClient } from './signed-client.ts';
import type { UnitStreams } from './unit-streams.ts';

/** An answer that a person reads instead of logs. */
export class StreamProblem extends Error {
  override readonly name = 'StreamProblem';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface LogSources {
  readonly engine: Engine;
  pods(): Iterable<PodMemory>;
  own(uid: string): readonly ObservedContainer[];
  now(): number;
  /** None on a host whose systemd isn't ours to use. */
  readonly units?: UnitStreams;
  readonly diagnose: () => Promise<Diagnosis>;
}

/** Answers one stream request of the control plane: the bytes, or why there are none. Ends when `signal` fires. */
export async function answerStream(
  client: SignedClient,
  id: string,
  request: StreamRequest,
  sources: LogSources,
  signal: AbortSignal,
  parts = false,
): Promise<void> {
  const path = `/node/v1/streams/${encodeURIComponent(id)}`;
  let body: Readable;
  try {
    body = await openStream(request, sources, signal);
  } catch (error) {
    if (signal.aborted) return;
    const status = error instanceof StreamProblem ? error.status : 500;
    const headers = { [STREAM_STATUS_HEADER]: String(status) };
    const to = parts ? `${path}/0?last=1` : path;
    await client.send({ method: 'POST', path: to, headers, body: messageOf(error), signal });
    return;
  }
  const headers = { 'content-type': 'application/octet-stream' };
  try {
    if (parts) await sendParts(client, path, body, signal);
    else await client.send({ method: 'POST', path, headers, body, signal, timeoutMs: 0 });
  } finally {
    body.destroy();
  }
}

/** Throws StreamProblem. */
async function openStream(request: StreamRequest, sources: LogSources, signal: AbortSignal): Promise<Readable> {
  if (request.kind === 'logs') return openLogs(request, sources, signal);
  if (request.kind === 'diagnosis')
    return Readable.from([`${JSON.stringify(await sources.diagnose())}\n`], { objectMode: false });
  const { units } = sources;
  if (!units) throw new StreamProblem(501, 'this host has no systemd that units could be run by');
  switch (request.kind) {
    case 'journal':
      return Readable.from(await units.journal(request, signal), { objectMode: false });
    case 'exec':
      return Readable.from(await units.exec(request, signal), { objectMode: false });
    default:
      throw new StreamProblem(501, 'the agent on this host is too old for this: upgrade it');
  }
}

/** The bytes as kubectl shows them. Throws StreamProblem. */
async function openLogs(request: LogsRequest, sources: LogSources, signal: AbortSignal): Promise<Readable> {
  const container = findContainer(request, sources);
  const raw = await sources.engine.logs(
    container.id,
    {
      ...(request.follow && container.state === 'running' ? { follow: true } : {}),
      ...(request.timestamps ? { timestamps: true } : {}),
      ...(request.tailLines === undefined ? {} : { tail: request.tailLines }),
      ...sinceOf(request, sources.now()),
    },
    signal,
  );
  return plain(raw, container.tty, request.limitBytes);
}

function findContainer(request: LogsRequest, sources: LogSources): ObservedContainer {
  const { namespace, pod: podName, previous = false } = request;
  const memory = [...sources.pods()].find(({ pod }) => pod.metadata.name === podName && pod.metadata.namespace === namespace);
  if (!memory) throw new StreamProblem(404, `pod "${podName}" is not on this node`);
  const { containers, initContainers = [] } = memory.pod.spec;
  const name = request.container ?? containers[0]?.name ?? '';
  if (![...containers, ...initContainers].some((one) => one.name === name)) {
    throw new StreamProblem(400, `container ${name} is not valid for pod ${podName}`);
  }
  const attempts = sources
    .own(memory.pod.metadata.uid)
    .filter((c) => c.container === name && c.kind !== 'pause' && c.state !== 'created');
  const latest = latestAttempt(attempts);
  if (!previous) {
    if (latest) return latest;
    const reason = memory.containers[name]?.blocked?.reason ?? 'ContainerCreating';
    throw new StreamProblem(400, `container "${name}" in pod "${podName}" is waiting to start: ${reason}`);
  }
  // While the next attempt is being waited for, the one that crashed is the previous one.
  const waiting = latest && latest.state === 'exited' && !latestAttempt(attempts.filter((c) => c !== latest));
  const before = latestAttempt(attempts.filter((c) => c !== latest)) ?? (waiting ? latest : undefined);
  if (!before) throw new StreamProblem(400, `previous terminated container "${name}" in pod "${podName}" not found`);
  return before;
}

/** Docker takes seconds since the epoch, with a fraction. */
function sinceOf({ sinceSeconds, sinceTime }: LogsRequest, now: number): { since?: string } {
  if (sinceSeconds !== undefined) return { since: String(Math.floor(now / 1000) - sinceSeconds) };
  const at = sinceTime === undefined ? Number.NaN : Date.parse(sinceTime);
  return Number.isNaN(at) ? {} : { since: (at / 1000).toFixed(3) };
}

function plain(raw: IncomingMessage, tty: boolean, limitBytes: number | undefined): Readable {
  const out = new PassThrough();
  let left = limitBytes ?? Number.POSITIVE_INFINITY;
  const write = (bytes: Buffer) => {
    if (left <= 0) return;
    const part = bytes.subarray(0, left);
    left -= part.length;
    // A slow reader holds up the engine's end, not this host's memory.
    if (!out.write(part)) raw.pause();
    if (left <= 0) out.end();
  };
  const feed = tty ? write : demultiplexer((_stream, bytes) => write(bytes));
  out.on('drain', () => raw.resume());
  out.on('close', () => raw.destroy());
  raw.on('data', feed);
  raw.on('end', () => out.end());
  // The engine broke off: what came is what there is.
  raw.on('error', () => out.end());
  raw.on('close', () => out.end());
  return out;
}
