import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../../core/ports/logger.ts';
import { messageOf } from '../docker/errors.ts';
import { writeAtomic } from '../files/atomic-file.ts';
import { type FencedWork, type GuardState, guardText, readFencedWork } from './guard-file.ts';
import type { GuardProcess } from './guard-process.ts';

/**
 * The agent's end of the fence guard, a process that ends fenced work when the host lease has run out and this agent can't: stopped, frozen, gone,
 * or its engine hangs (docs/decisions/0028).
 */
export interface FenceGuard {
  /** Does `start`, which starts this work, once the guard knows of it. Throws if it can't be told, and then nothing was started. */
  during<T>(work: Partial<FencedWork>, start: () => Promise<T>): Promise<T>;
  /** The lease, or what is fenced here, may have changed. */
  tell(): void;
}

export interface FenceGuardOptions {
  /** Where it is told. */
  readonly path: string;
  readonly bootId: string;
  /** Of the machine, ms. */
  readonly uptime: () => number;
  readonly lease: () => {
    /** Fenced work may run until then, or may not since then: uptime, ms. */
    readonly until: number;
    readonly held: boolean;
    readonly graceSeconds: number;
  };
  readonly leaseFile: string;
  /** What is fenced and runs here, or might be about to; undefined: nobody has looked yet. */
  readonly units: () => readonly string[] | undefined;
  readonly containers: () => readonly string[] | undefined;
  readonly process: GuardProcess;
  readonly log: Logger;
}

/** It is looked after so often, if the lease is renewed or something changes. */
const ENSURE_MS = 60_000;
/** And once more soon after the first: one that was just about to end, as there was nothing fenced, looked as if it were there. */
const ENSURE_AGAIN_MS = 2_000;
/** A systemd that hangs holds up no start for longer. */
const ENSURE_WAIT_MS = 5_000;

/** A host without fenced work has no guard. */
const NOTHING = '';
const isNothing = ({ units, containers }: FencedWork): boolean => units.length + containers.length === 0;

/** The file of an agent's guard. */
export function guardPath(directory: string, owner: string): string {
  return join(directory, `fence-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`);
}

/** For an agent that may not run one: it is no root, and nobody but root ends what runs here. */
export const NO_GUARD: FenceGuard = { during: (_, start) => start(), tell() {} };

export function fenceGuard(options: FenceGuardOptions): FenceGuard {
  const { path, bootId, uptime, lease, log } = options;
  const before = readFencedWork(path, bootId);
  /** What is being started just now. */
  const starting = new Set<Partial<FencedWork>>();
  let told = isNothing(before) ? NOTHING : 'by an agent before this one';
  let ids = 0;
  let writing: Promise<void> | undefined;
  /** Not before then; -Infinity: there is none, as far as is known. Uptime, ms. */
  let ensureAt = Number.NEGATIVE_INFINITY;
  let ensuring: Promise<void> = Promise.resolve();

  function state(): Omit<GuardState, 'writtenAt'> {
    const { until, held, graceSeconds } = lease();
    const all = (known: readonly string[], just: readonly (readonly string[] | undefined)[]) =>
      [...new Set([...known, ...just.flatMap((some) => some ?? [])])].toSorted();
    const units = all(
      options.units() ?? before.units,
      Array.from(starting, (work) => work.units),
    );
    const containers = all(
      options.containers() ?? before.containers,
      Array.from(starting, (work) => work.containers),
    );
    return { bootId, until, graceSeconds, leaseFile: options.leaseFile, stopping: !held, units, containers };
  }

  /** Until what is written is what is so. */
  async function write(): Promise<void> {
    for (;;) {
      const next = state();
      const text = isNothing(next) ? NOTHING : JSON.stringify(next);
      if (text === told) return;
      await mkdir(dirname(path), { recursive: true, mode: 0o700 });
      const id = `${process.pid}.${Math.floor(uptime())}.${ids++}`;
      await writeAtomic(path, guardText(id, { ...next, writtenAt: uptime() }));
      told = text;
      // With nothing to guard it ends by itself.
      if (text === NOTHING) ensureAt = Number.NEGATIVE_INFINITY;
      else ensure();
    }
  }

  function ensure(): void {
    if (uptime() < ensureAt) return;
    ensureAt = uptime() + (ensureAt === Number.NEGATIVE_INFINITY ? ENSURE_AGAIN_MS : ENSURE_MS);
    ensuring = options.process.ensure();
  }

  /** One after the other; what changes meanwhile is in what is written last. */
  function update(): Promise<void> {
    const next = (writing ?? Promise.resolve()).catch(() => undefined).then(write);
    writing = next;
    return next;
  }

  return {
    async during(work, start) {
      starting.add(work);
      try {
        await update();
        await Promise.race([ensuring, delay(ENSURE_WAIT_MS, undefined, { ref: false })]);
        return await start();
      } finally {
        starting.delete(work);
      }
    },
    tell() {
      // An older lease ends earlier: nothing runs for longer than it may.
      update().catch((error: unknown) => log.warn('the fence guard could not be told', { reason: messageOf(error) }));
    },
  };
}
