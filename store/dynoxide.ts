import { mkdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from '../core/ports/logger.ts';
import { checkDataFormat } from './data-format.ts';
import { lockDirectory } from './directory-lock.ts';
import { type DynoxideProcess, PortTakenError, probe, runDynoxide } from './dynoxide-process.ts';
import { guardPort } from './port-guard.ts';

/** The embedded store: a DynamoDB that keeps its tables in one SQLite file. */
export interface Dynoxide {
  /** `http://127.0.0.1:<port>`; stays the same over restarts. */
  readonly endpoint: string;
  /** Of the run that is up now, or was last. */
  readonly pid: number;
  /** Ends it and gives the data directory free. */
  stop(): Promise<void>;
}

export interface DynoxideOptions {
  /** Made if missing. Holds `lock`, `format` and `store/`. */
  readonly dataDir: string;
  readonly log: Logger;
}

const STOP_GRACE_MS = 5_000;
const BACKOFF_MS = { first: 50, max: 5_000 };
/** A run that lasted this long was healthy: the next failure starts over with the first backoff. */
const HEALTHY_MS = 30_000;
const CHECK = { everyMs: 5_000, timeoutMs: 5_000, failuresMax: 3 };

/**
 * Takes the directory's writer lock, starts dynoxide on a free loopback port and keeps it running: whenever it dies or stops
 * answering it is started again on the same port. Throws DirectoryInUseError if another server has the directory, DataFormatError if a
 * newer one has written it; nothing in it was changed then.
 */
export async function startDynoxide({ dataDir, log }: DynoxideOptions): Promise<Dynoxide> {
  const lock = lockDirectory(dataDir);
  const directory = join(dataDir, 'store');
  try {
    checkDataFormat(dataDir, log);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return await supervise(directory, log, () => lock.release());
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function supervise(directory: string, log: Logger, release: () => void): Promise<Dynoxide> {
  const files = { database: join(directory, 'dynoxide.db'), pid: join(directory, 'dynoxide.pid') };
  const start = (port: number) => runDynoxide(port, files.database, files.pid);
  const stopping = new AbortController();
  const [port, first] = await startOnFreePort(start);
  const guard = await guardPort(port, directory, log);
  let current = first;

  const watch = async () => {
    let backoffMs = BACKOFF_MS.first;
    let startedAt = performance.now();
    while (true) {
      const reason = await endOf(current, port);
      if (stopping.signal.aborted) return;
      if (performance.now() - startedAt > HEALTHY_MS) backoffMs = BACKOFF_MS.first;
      log.error('the embedded store ended; starting it again', { reason, backoffMs });
      for (let up = false; !up; ) {
        await pause(backoffMs, stopping.signal);
        if (stopping.signal.aborted) return;
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MS.max);
        try {
          current = await start(port);
          startedAt = performance.now();
          up = true;
          log.info('the embedded store is back', { pid: current.pid });
        } catch (error) {
          log.error('the embedded store does not start; trying again', { error: String(error), backoffMs });
        }
      }
      // Stopped while it was starting: the one who stops waits for this loop and then ends `current`.
      if (stopping.signal.aborted) return;
    }
  };
  const watching = watch();

  return {
    endpoint: `http://127.0.0.1:${port}`,
    get pid() {
      return current.pid;
    },
    async stop() {
      if (stopping.signal.aborted) return watching;
      stopping.abort();
      await current.stop(STOP_GRACE_MS);
      await watching;
      await current.stop(STOP_GRACE_MS);
      await guard.release();
      release();
    },
  };
}

async function startOnFreePort(start: (port: number) => Promise<DynoxideProcess>): Promise<[number, DynoxideProcess]> {
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return [port, await start(port)];
    } catch (error) {
      if (!(error instanceof PortTakenError) || attempt === 5) throw error;
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** Resolves with the reason when the run is over. One that is alive but no longer answers is ended. */
async function endOf(run: DynoxideProcess, port: number): Promise<string> {
  const over = new AbortController();
  const ended = run.exited.finally(() => over.abort());
  const check = async () => {
    for (let failures = 0; !over.signal.aborted; ) {
      await pause(CHECK.everyMs, over.signal);
      if (over.signal.aborted) return;
      failures = (await probe(port, CHECK.timeoutMs)) ? 0 : failures + 1;
      if (failures >= CHECK.failuresMax) await run.stop(STOP_GRACE_MS);
    }
  };
  await Promise.all([ended, check()]);
  return ended;
}

/** Or until the signal, which is the only reason to reject. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
