import { messageOf } from '../docker/errors.ts';
import { BusError, NOT_SENT } from './bus.ts';
import type { SystemdManager } from './manager.ts';
import type { Launch, SystemdState } from './observed.ts';

/**
 * What units were started for, and how it went. Written down before systemd is asked, so that an agent which dies in between finds out
 * whether the start has happened: a start gives the unit another invocation id.
 */
export interface Launches {
  readonly all: ReadonlyMap<string, Launch>;
  start(name: string, wanted: Wanted, before: SystemdState): Promise<void>;
  /** A fenced one runs under that lease, if it isn't known under which: an agent from before leases had numbers has started it. */
  adopt(name: string, lease: number): Promise<void>;
  /** Before systemd is asked to stop it. */
  stopping(name: string): Promise<void>;
  forget(name: string): Promise<void>;
  /** systemd has done with a job. */
  jobEnded(job: number, result: string): Promise<void>;
  /** For what is seen first on a new connection: an earlier one, or an earlier agent, may have lost sight of a start. */
  settle(name: string, state: SystemdState): Promise<void>;
}

export interface Wanted {
  readonly uid: string;
  readonly generation: number;
  /** Of a fenced one: the lease that it is started under. */
  readonly lease?: number | undefined;
  /** Asked at the very last moment: what comes before it may take long. */
  readonly mayStart?: () => boolean;
}

export interface LaunchesOptions {
  readonly now: () => number;
  readonly manager: () => SystemdManager;
  readonly known: ReadonlyMap<string, Launch>;
  readonly save: (launches: ReadonlyMap<string, Launch>) => Promise<void>;
}

/** Jobs that ended before the answer came which names them. */
const ENDED_MAX = 500;

export function launches({ now, manager, known, save }: LaunchesOptions): Launches {
  const all = new Map(known);
  const ended = new Map<number, string>();
  let saving = Promise.resolve();

  /** One after the other: each writes all of it. */
  function saved(): Promise<void> {
    saving = saving.catch(() => undefined).then(() => save(all));
    return saving;
  }

  async function finish(name: string, launch: Launch, error: string | undefined): Promise<void> {
    const { starting: _, job: __, ...rest } = launch;
    all.set(name, { ...rest, starting: false, ...(error === undefined ? {} : { error }) });
    await saved();
  }

  async function jobEnded(job: number, result: string): Promise<void> {
    const [name, launch] = [...all].find(([, one]) => one.job === job && one.starting) ?? [];
    if (name !== undefined && launch) {
      const error = await failure(manager(), name, result);
      // Meanwhile it may have been started anew, or asked to stop.
      const since = all.get(name);
      if (since?.job === job) await finish(name, since, error);
      return;
    }
    ended.set(job, result);
    for (const [first] of ended) if (ended.size > ENDED_MAX) ended.delete(first);
  }

  return {
    all,
    async start(name, { uid, generation, lease, mayStart = () => true }, before) {
      const earlier = all.get(name);
      const under = lease === undefined ? {} : { lease };
      const launch: Launch = { uid, generation, ...under, starting: true, invocationBefore: before.invocationId };
      all.set(name, launch);
      await saved();
      // Starts that we ask for count towards no limit of starts: each is somebody's wish.
      await manager().resetFailed(name);
      let job: number;
      try {
        job = await manager().restart(name, mayStart);
      } catch (error) {
        if (error instanceof BusError && error.code === NOT_SENT) {
          // What ran before still does.
          if (earlier) all.set(name, earlier);
          else all.delete(name);
          return saved();
        }
        // Whether it was heard is found out by `settle`.
        if (!(error instanceof BusError) || !error.code.startsWith('org.freedesktop.systemd1.')) throw error;
        return finish(name, launch, `systemd refused to start it: ${messageOf(error)}`);
      }
      all.set(name, { ...launch, job });
      const result = ended.get(job);
      if (result !== undefined) return jobEnded(job, result);
      await saved();
    },
    async adopt(name, lease) {
      const launch = all.get(name);
      if (!launch || launch.lease !== undefined) return;
      all.set(name, { ...launch, lease });
      await saved();
    },
    async stopping(name) {
      const launch = all.get(name);
      if (!launch || launch.stopping) return;
      all.set(name, { ...launch, stopping: true, stoppingSince: now() });
      await saved();
    },
    async forget(name) {
      if (all.delete(name)) await saved();
    },
    jobEnded,
    async settle(name, state) {
      const launch = all.get(name);
      if (!launch?.starting || launch.job === state.jobId) return;
      if (state.jobId !== 0 && launch.job === undefined) all.set(name, { ...launch, job: state.jobId });
      else if (state.invocationId !== launch.invocationBefore) {
        await finish(name, launch, state.activeState === 'failed' ? 'it failed to start; its journal says more' : undefined);
      } else {
        all.delete(name);
        await saved();
      }
    },
  };
}

/** systemd's word for how a job ended, as a sentence; undefined: well. */
async function failure(manager: SystemdManager, name: string, result: string): Promise<string | undefined> {
  switch (result) {
    case 'done':
    case 'skipped':
      return undefined;
    case 'dependency':
      return 'it was not started: a unit that it requires failed to start';
    case 'canceled':
      return 'its start was canceled on the host';
    case 'timeout':
      return 'it did not start within its TimeoutStartSec';
    default: {
      const outcome = await manager.outcome(name).catch(() => '');
      return `it failed to start (${outcome || result}); its journal says more`;
    }
  }
}
