import { open } from 'node:fs/promises';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { demultiplexer } from '../docker/demux.ts';
import type { Engine } from '../docker/engine.ts';
import type { ObservedContainer } from '../planner/observed.ts';
import type { Layout } from '../volumes/layout.ts';

const MESSAGE_BYTES_MAX = 4096;
const LOG_LINES = 80;
const LOG_BYTES_MAX = 2048;

/** Reads what a container that ended says about it: its message file, or the end of its log where the pod asks for that. */
export function terminationMessage(engine: Engine, layout: Layout, podOf: (uid: string) => Pod | undefined) {
  return async (container: ObservedContainer): Promise<string | undefined> => {
    const { podUid, container: name, attempt, exitCode, id, tty } = container;
    const text = await head(layout.terminationMessage(podUid, name, attempt));
    if (text !== '') return text;
    const spec = podOf(podUid)?.spec;
    const policy = [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].find(
      (c) => c.name === name,
    )?.terminationMessagePolicy;
    if (policy !== 'FallbackToLogsOnError' || exitCode === 0) return undefined;
    return (await logTail(engine, id, tty).catch(() => '')) || undefined;
  };
}

async function head(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MESSAGE_BYTES_MAX), 0, MESSAGE_BYTES_MAX, 0);
      return buffer.subarray(0, bytesRead).toString('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}

async function logTail(engine: Engine, id: string, tty: boolean): Promise<string> {
  let tail = Buffer.alloc(0);
  const keep = (bytes: Buffer) => {
    tail = Buffer.concat([tail, bytes]).subarray(-LOG_BYTES_MAX);
  };
  const feed = tty ? keep : demultiplexer((_stream, bytes) => keep(bytes));
  for await (const chunk of (await engine.logs(id, { tail: LOG_LINES })) as AsyncIterable<Buffer>) feed(chunk);
  return tail.toString('utf8');
}
