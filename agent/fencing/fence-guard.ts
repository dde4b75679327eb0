import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
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
  /** Is there from the end of a lease until there is another one; undefined: there is no guard. */
  readonly lapsedFile: string | undefined;
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
    /** Another one for each lease (LeaseKeeper.number). */
    readonly number: number;
  };
  /** The guard was told so late that a lease goes on that it may have ended units by now: what runs under it has to be started anew. */
  readonly onLate?: () => void;
  readonly leaseFile: string;
  /** What is fenced and runs here, or might be about to; undefined: nobody can tell just now. */
  readonly units: () => readonly string[] | undefined;
  /** Each of some of them. */
  readonly containers: readonly (() => readonly string[] | undefined)[];
  readonly process: GuardProcess;
  readonly log: Logger;
}

/** It is looked after so often, if the lease is renewed or something changes. */
const ENSURE_MS = 60_000;
/** A systemd that hangs holds up no start for longer. */
const ENSURE_WAIT_MS = 5_000;
/** The guard gives the agent so long after the end of a lease. */
const LATE_MS = 500;
/** What the guard has just asked of systemd is heard by then: `timeout` ends who asks after 2 s. */
const PENDING_MS_MAX = 3_000;
const PENDING_LOOK_MS = 20;

/** A host without fenced work has no guard. */
const NOTHING = '';
const isNothing = ({ units, containers }: FencedWork): boolean => units.length + containers.length === 0;

/** The file of an agent's guard. */
export function guardPath(directory: string, owner: string): string {
  return join(directory, `fence-${createHash('sha256').update(owner).digest('hex').slice(0, 16)}`);
}

/** For an agent that may not run one: it is no root, and nobody but root ends what runs here. */
export const NO_GUARD: FenceGuard = { during: (_, start) => start(), tell() {}, lapsedFile: undefined };

export function fenceGuard(options: FenceGuardOptions): FenceGuard {
  const { path, bootId, uptime, lease, log } = options;
  const lapsedFile = `${path}.lapsed`;
  const before = readFencedWork(path, bootId);
  /** What was last known to run: by an agent before this one, at first. */
  let last = { units: before.units, containers: options.containers.map(() => before.containers) };
  /** What is being started just now. */
  const starting = new Set<Partial<FencedWork>>();
  let told = isNothing(before) ? NOTHING : 'by an agent before this one';
  /** How long the guard believes that the lease lasts, and which one. */
  let believed = { until: Number.POSITIVE_INFINITY, number: Number.NaN };
  let ids = 0;
  let writing: Promise<void> | undefined;
  let ensured = Number.NEGATIVE_INFINITY;
  let ensuring: Promise<void> = Promise.resolve();

  function state(): Omit<GuardState, 'writtenAt'> {
    const { until, held, graceSeconds } = lease();
    const all = (known: readonly string[], just: readonly (readonly string[] | undefined)[]) =>
      [...new Set([...known, ...just.flatMap((some) => some ?? [])])].toSorted();
    last = {
      units: options.units() ?? last.units,
      containers: options.containers.map((known, at) => known() ?? last.containers[at]!),
    };
    const units = all(
      last.units,
      Array.from(starting, (work) => work.units),
    );
    const containers = all(
      last.containers.flat(),
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
      // In this order: the guard looks at what it is told once more when it has made it.
      if (next.stopping && text !== NOTHING) await writeFile(lapsedFile, '');
      else await rm(lapsedFile, { force: true });
      const first = told === NOTHING;
      told = text;
      const { number } = lease();
      const late = !first && !next.stopping && number === believed.number && uptime() >= believed.until + LATE_MS;
      believed = { until: next.until, number };
      if (late) options.onLate?.();
      // With nothing to guard it ends by itself.
      if (text !== NOTHING) ensure(first);
    }
  }

  function ensure(anew: boolean): void {
    if (!anew && uptime() - ensured < ENSURE_MS) return;
    ensured = uptime();
    ensuring = ensuring.then(() => options.process.ensure(anew));
  }

  /** One after the other; what changes meanwhile is in what is written last. */
  function update(): Promise<void> {
    const next = (writing ?? Promise.resolve()).catch(() => undefined).then(write);
    writing = next;
    return next;
  }

  /** The guard may be about to ask for what the lease before this one has ended for; it has seen this one before it says so the next time. */
  async function stopsAreHeard(): Promise<void> {
    const until = uptime() + PENDING_MS_MAX;
    while (existsSync(`${path}.pending`) && uptime() < until) await delay(PENDING_LOOK_MS);
    // Of a guard that was killed amid it.
    await rm(`${path}.pending`, { force: true });
  }

  return {
    lapsedFile,
    async during(work, start) {
      starting.add(work);
      try {
        await update();
        await Promise.race([ensuring, delay(ENSURE_WAIT_MS, undefined, { ref: false })]);
        if (work.units) await stopsAreHeard();
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
