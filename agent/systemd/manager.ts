import { type Bus, BusError, type BusSignal, plainValue } from './bus.ts';
import type { SystemdState } from './observed.ts';
import { outcomeOf } from './outcome.ts';
import { unitPath } from './unit-path.ts';

/** systemd's manager, as far as units of ours need it: org.freedesktop.systemd1(5). Every call throws BusError. */
export interface SystemdManager {
  /** Without it, systemd keeps its signals to itself. */
  subscribe(): Promise<void>;
  /** `systemctl daemon-reload`. */
  reload(): Promise<void>;
  /** Loads it if need be. What can be no unit here is one that can't be loaded. */
  state(name: string): Promise<SystemdState>;
  /** How its last run ended, as a few words. */
  outcome(name: string): Promise<string>;
  /** A new process, whether it runs or not, if it is `still` wanted when its turn to be sent comes (else NOT_SENT). Gives the job's number. */
  restart(name: string, still: () => boolean): Promise<number>;
  stop(name: string): Promise<void>;
  /** SIGKILL to every process of it. */
  kill(name: string): Promise<void>;
  /** Forgets that it failed, and how often it was started. */
  resetFailed(name: string): Promise<void>;
  /** Makes the links that its [Install] section asks for, until the next boot. */
  enable(name: string): Promise<void>;
  disable(name: string): Promise<void>;
}

const MANAGER = { path: '/org/freedesktop/systemd1', interface: 'org.freedesktop.systemd1.Manager' };
const PROPERTIES = 'org.freedesktop.DBus.Properties';
const UNIT = 'org.freedesktop.systemd1.Unit';
const SERVICE = 'org.freedesktop.systemd1.Service';
const SIGKILL = 9;
/** Of a unit that there is not, and of a name that no unit can have here, such as one of a type that this systemd does not know. */
const NO_UNIT: ReadonlySet<string> = new Set([
  'org.freedesktop.systemd1.NoSuchUnit',
  // By the part of systemd that makes links.
  'org.freedesktop.systemd1.BadUnitSetting',
  'org.freedesktop.DBus.Error.InvalidArgs',
]);
/** Of a unit with nothing to kill: it has ended, or is of a type that has no processes, such as a timer. */
const HAS_NO_PROCESS: ReadonlySet<string> = new Set([
  ...NO_UNIT,
  'org.freedesktop.systemd1.NoSuchProcess',
  'org.freedesktop.DBus.Error.NotSupported',
]);

export function systemdManager(bus: Bus): SystemdManager {
  const manager = (member: string, signature = '', ...body: unknown[]) => bus.call({ ...MANAGER, member, signature, body });
  const properties = async (path: string, of: string) => {
    const [all] = await bus.call({ path, interface: PROPERTIES, member: 'GetAll', signature: 's', body: [of] });
    return (name: string) => plainValue((all as Record<string, unknown>)[name]);
  };
  const outcome = async (name: string) => {
    if (!name.endsWith('.service')) return '';
    const get = await properties(unitPath(name), SERVICE);
    return outcomeOf(String(get('Result')), Number(get('ExecMainCode')), Number(get('ExecMainStatus')));
  };
  return {
    async subscribe() {
      const rule = "type='signal',sender='org.freedesktop.systemd1',path_namespace='/org/freedesktop/systemd1'";
      await bus.call({
        destination: 'org.freedesktop.DBus',
        path: '/org/freedesktop/DBus',
        interface: 'org.freedesktop.DBus',
        member: 'AddMatch',
        signature: 's',
        body: [rule],
      });
      await manager('Subscribe');
    },
    async reload() {
      await manager('Reload');
    },
    async state(name) {
      try {
        const [path] = await manager('LoadUnit', 's', name);
        const state = stateOf(await properties(String(path), UNIT));
        return state.activeState === 'failed' ? { ...state, outcome: await outcome(name).catch(() => '') } : state;
      } catch (error) {
        // That one is no unit must not keep the others from what is due to them.
        if (isOneOf(NO_UNIT, error)) return noUnit(error.message);
        throw error;
      }
    },
    outcome,
    async restart(name, still) {
      const call = { ...MANAGER, member: 'RestartUnit', signature: 'ss', body: [name, 'replace'], still };
      const [job] = await bus.call(call);
      return jobNumber(String(job));
    },
    async stop(name) {
      await unless(NO_UNIT, manager('StopUnit', 'ss', name, 'replace'));
    },
    async kill(name) {
      await unless(HAS_NO_PROCESS, manager('KillUnit', 'ssi', name, 'all', SIGKILL));
    },
    async resetFailed(name) {
      await unless(NO_UNIT, manager('ResetFailedUnit', 's', name));
    },
    async enable(name) {
      // Only until the next boot, as the file itself; what is in the way is replaced.
      await manager('EnableUnitFiles', 'asbb', [name], true, true);
    },
    async disable(name) {
      await unless(NO_UNIT, manager('DisableUnitFiles', 'asb', [name], true));
    },
  };
}

const isOneOf = (codes: ReadonlySet<string>, error: unknown): error is BusError =>
  error instanceof BusError && codes.has(error.code);

/** Errors of these codes mean that there is nothing to do. */
async function unless(codes: ReadonlySet<string>, call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!isOneOf(codes, error)) throw error;
  }
}

function noUnit(loadError: string): SystemdState {
  return {
    loadState: 'error',
    activeState: 'inactive',
    subState: 'dead',
    fragmentPath: '',
    invocationId: '',
    jobId: 0,
    since: undefined,
    needsReload: false,
    loadError,
  };
}

/** /org/freedesktop/systemd1/job/123 */
function jobNumber(path: string): number {
  return Number(path.split('/').at(-1));
}

function stateOf(get: (name: string) => unknown): SystemdState {
  const [loadErrorName, loadErrorText] = get('LoadError') as [string, string];
  return {
    ...TOLD.ActiveState(get('ActiveState')),
    ...TOLD.SubState(get('SubState')),
    ...TOLD.InvocationID(get('InvocationID')),
    ...TOLD.Job(get('Job')),
    ...TOLD.StateChangeTimestamp(get('StateChangeTimestamp')),
    loadState: String(get('LoadState')),
    fragmentPath: String(get('FragmentPath')),
    needsReload: get('NeedDaemonReload') === true,
    loadError: loadErrorText || loadErrorName,
  };
}

/** The properties whose change systemd tells of by itself, as parts of a unit's state. The others change when it reads files. */
const TOLD = {
  ActiveState: (value: unknown) => ({ activeState: String(value) }),
  SubState: (value: unknown) => ({ subState: String(value) }),
  InvocationID: (value: unknown) => ({ invocationId: Buffer.from(value as Uint8Array).toString('hex') }),
  Job: (value: unknown) => ({ jobId: Number((value as [number, string])[0]) }),
  StateChangeTimestamp: (value: unknown) => ({ since: Number(value) > 0 ? Math.floor(Number(value) / 1000) : undefined }),
} satisfies Record<string, (value: unknown) => Partial<SystemdState>>;

/**
 * Does a PropertiesChanged say anything of a unit but what is known? systemd sends them, too, when it loads a unit because it is asked about it, and when
 * it forgets one that doesn't run: whoever asked again at each would be told by that for ever.
 */
export function isNews(known: SystemdState, { body: [of, changed, unsaid] }: Pick<BusSignal, 'body'>): boolean {
  if (of !== UNIT) return false;
  const said = changed as Readonly<Record<string, unknown>>;
  return Object.entries(TOLD).some(([property, part]) => {
    if ((unsaid as readonly string[]).includes(property)) return true;
    if (!Object.hasOwn(said, property)) return false;
    const [field, value] = Object.entries(part(plainValue(said[property])))[0]!;
    return known[field as keyof SystemdState] !== value;
  });
}
