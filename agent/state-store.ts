import type { Assignment } from '../core/node/assignment.ts';
import type { Logger } from '../core/ports/logger.ts';
import { assignmentProblem } from './assignment-state.ts';
import { messageOf } from './docker/errors.ts';
import { readJson, writeAtomic } from './files/atomic-file.ts';
import type { PodMemory } from './planner/memory.ts';
import type { Layout } from './volumes/layout.ts';

/**
 * What the agent must know after a reboot without the control plane: the last assignment, and the memory of its pods.
 * A disk that is full stops nothing: it is said, and tried again.
 */
export interface StateStore {
  readonly assignment: Assignment | undefined;
  readonly pods: Map<string, PodMemory>;
  saveAssignment(assignment: Assignment): Promise<void>;
  /** The memory changed: it is written soon. */
  touch(): void;
  /** Why the last write failed; undefined when it didn't. */
  readonly problem: () => string | undefined;
  /** Writes what is not written yet. */
  close(): Promise<void>;
}

export interface StateStoreOptions {
  readonly layout: Layout;
  readonly log: Logger;
  /** `problem` changed. */
  readonly onProblem: () => void;
  readonly delayMs?: number;
  readonly retryMs?: number;
}

interface MemoryFile {
  readonly version: 1;
  readonly pods: PodMemory[];
}

const DELAY_MS = 300;
const RETRY_MS = 10_000;

export async function openState(options: StateStoreOptions): Promise<StateStore> {
  const { layout, log, onProblem, delayMs = DELAY_MS, retryMs = RETRY_MS } = options;
  const assignment = await readSafely<Assignment>(layout.assignment, assignmentProblem, log);
  const memory = await readSafely<MemoryFile>(layout.memory, memoryProblem, log);
  const pods = new Map((memory?.pods ?? []).map((pod) => [pod.pod.metadata.uid, pod]));

  const problems = new Map<string, string>();
  const unsaved = new Map<string, () => string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let written = '';

  async function write(path: string, text: string): Promise<void> {
    const before = problems.get(path);
    try {
      await writeAtomic(path, text);
      problems.delete(path);
      if (before !== undefined) log.info('state can be written again', { file: path });
    } catch (error) {
      const message = messageOf(error);
      problems.set(path, message);
      if (before === undefined)
        log.error(`state could not be written; going on without, and trying again`, { file: path, reason: message });
    }
    if (before !== problems.get(path)) onProblem();
  }

  function flush(): Promise<void> {
    clearTimeout(timer);
    timer = undefined;
    writing = writing.then(async () => {
      const batch = Array.from(unsaved);
      unsaved.clear();
      for (const [path, text] of batch) {
        const content = text();
        if (path === layout.memory && content === written && !problems.has(path)) continue;
        await write(path, content);
        if (problems.has(path)) unsaved.set(path, unsaved.get(path) ?? text);
        else if (path === layout.memory) written = content;
      }
      if (unsaved.size > 0) schedule(retryMs);
    });
    return writing;
  }

  function schedule(ms: number): void {
    timer ??= setTimeout(() => void flush(), ms);
  }

  return {
    assignment,
    pods,
    async saveAssignment(next) {
      unsaved.set(layout.assignment, () => JSON.stringify(next));
      await flush();
    },
    touch() {
      unsaved.set(layout.memory, () => JSON.stringify({ version: 1, pods: [...pods.values()] } satisfies MemoryFile));
      schedule(delayMs);
    },
    problem: () => [...problems.values()][0],
    async close() {
      await flush();
      clearTimeout(timer);
    },
  };
}

/** A file that can't be used is not worth stopping for: the control plane and the engine know most of it. */
async function readSafely<T>(
  path: string,
  problemOf: (document: unknown) => string | undefined,
  log: Logger,
): Promise<T | undefined> {
  try {
    const document = await readJson<T>(path);
    if (document === undefined) return undefined;
    const problem = problemOf(document);
    if (problem === undefined) return document;
    log.error('a state file is not used', { file: path, reason: problem });
  } catch (error) {
    log.error('a state file is not used', { file: path, reason: messageOf(error) });
  }
  return undefined;
}

function memoryProblem(document: unknown): string | undefined {
  const { version, pods } = document as { version?: unknown; pods?: unknown };
  if (version !== 1) return `its version is ${String(version)}`;
  if (!Array.isArray(pods) || pods.some((one: PodMemory | null) => !one?.pod?.metadata?.uid || !one.containers))
    return 'its pods are damaged';
  return undefined;
}
