import { join } from 'node:path';
import { unitNameProblem } from '../../core/fleet/unit-name.ts';
import type { AssignedUnit, UnitReport } from '../../core/node/assigned-unit.ts';
import type { Logger } from '../../core/ports/logger.ts';
import { cooling } from '../cooling.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventInput } from '../event-log.ts';
import type { BusSignal } from './bus.ts';
import type { FenceGuard } from '../fencing/fence-guard.ts';
import { executeUnitStep, type UnitStepContext } from './execute-unit-step.ts';
import { fenceWatch } from './fence-watch.ts';
import { type Launches, launches } from './launches.ts';
import { isUp, type ObservedUnit, type SystemdState, type UnitFile } from './observed.ts';
import { hostsOwn, type Lapsed, planUnits } from './plan-units.ts';
import { HOST_WITHOUT_BUS, type WithoutBus } from './stop-without-bus.ts';
import { isNews } from './manager.ts';
import { systemdConnection, type SystemdConnectionOptions } from './systemd-connection.ts';
import { unitFiles } from './unit-files.ts';
import { unitOfPath } from './unit-path.ts';
import { unitReports } from './unit-reports.ts';
import type { UnitStep } from './unit-steps.ts';

/** This host's units: what is assigned and what systemd shows meet here, and systemd is made to match. */
export interface UnitDriver {
  /** Something that `assigned`, `lapsed` or `mayRun` tell has changed. Nothing is done before the first call. */
  trigger(): void;
  /** `unknown`: systemd is about to be asked for the first time. */
  reports(): readonly UnitReport[] | 'unknown';
  /** Fenced units of which the host has a file of ours; undefined: it is not known yet. */
  fenced(): readonly string[] | undefined;
  /** Units run on. */
  close(): Promise<void>;
}

export interface UnitDriverOptions {
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  /** The bus that systemd is on: /run/dbus/system_bus_socket. */
  readonly bus: string;
  /** What stands in for a connection to it, in tests. */
  readonly connect?: SystemdConnectionOptions['connect'];
  /** Where unit files go: /run/systemd/system. */
  readonly directory: string;
  /** The same directory as systemd names it, if that differs. */
  readonly fragments?: string;
  /** For what must be gone after a reboot: /run/terrane. */
  readonly memory: string;
  /** Where else than on this machine systemctl and cgroups are, in tests. */
  readonly withoutBus?: WithoutBus;
  /** undefined: it is not known yet. */
  readonly assigned: () => readonly AssignedUnit[] | undefined;
  /** As the planner takes it. */
  readonly lapsed: () => Lapsed | undefined;
  /** May fenced units be started now? */
  readonly mayRun: () => boolean;
  /** The lease that is held (LeaseKeeper.number). */
  readonly lease: () => number;
  readonly guard: FenceGuard;
  readonly log: Logger;
  readonly events: { add(event: EventInput): void };
  readonly now: () => number;
  /** ms since the epoch by this host's clock -> RFC 3339. */
  readonly time: (at: number) => string;
  /** There may be news to report. */
  readonly onChange: () => void;
}

/** What nobody has seen yet may run. */
const UP = { activeState: 'active' };
const COOLING_MS_FIRST = 250;
const COOLING_MS_MAX = 30_000;
const RECONNECT_MS_FIRST = 500;
const RECONNECT_MS_MAX = 30_000;
/** Signals are not all: what systemd doesn't tell of, or was missed, is seen after this long. */
const RESYNC_MS = 60_000;

export async function openUnitDriver(options: UnitDriverOptions): Promise<UnitDriver> {
  const { log, now, assigned } = options;
  const files = unitFiles({ ...options, lapsedFile: options.guard.lapsedFile });
  const pathOf = (name: string) => join(options.fragments ?? options.directory, name);
  const states = new Map<string, SystemdState>();
  /** Units of the host's own that hide a file of ours, for all that was seen last. */
  const theirs = new Set<string>();
  const outdated = new Set<string>();
  /** Units that systemd is being asked about, and what it says of them meanwhile by itself: whether that is older or newer isn't known. */
  const asking = new Map<string, BusSignal[]>();
  const busy = new Set<string>();
  const running = new Set<Promise<void>>();
  /** Their last step has ended since the pass under way began: what that one has seen of them may be from before. */
  const ended = new Set<string>();
  const cools = cooling({ now, firstMs: COOLING_MS_FIRST, maxMs: COOLING_MS_MAX });
  const fence = fenceWatch({
    now,
    lapsed: options.lapsed,
    fenced: () => fenced() ?? [],
    // A start that nobody has seen end in a stop may be one that systemd couldn't tell of any more.
    mayBeUp: (name) => isUp(states.get(name) ?? UP) || started.all.has(name),
    forget: (name) => started.forget(name),
    onHung: () => systemd.disconnect(),
    withoutBus: options.withoutBus ?? HOST_WITHOUT_BUS,
    log,
  });
  let listed: Map<string, UnitFile> | undefined;
  let problem: string | undefined;
  let stale = false;
  /** How often a file was to be changed, so far. */
  let changes = 0;
  let looked = false;
  /** About every unit that there was. */
  let askedAllAt = Number.NEGATIVE_INFINITY;
  let closed = false;
  let passing: Promise<void> | undefined;
  let again = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let told = '';

  const systemd = systemdConnection({
    bus: options.bus,
    ...(options.connect ? { connect: options.connect } : {}),
    onSignal,
    onLost(reason) {
      log.warn('the connection to systemd was lost', { reason });
      trigger();
    },
  });
  const started: Launches = launches({
    now,
    manager: () => systemd.manager(),
    known: await files.readLaunches(),
    save: (all) => files.writeLaunches(all),
  });

  const context: UnitStepContext = {
    files,
    started,
    log,
    manager: () => systemd.manager(),
    mayStart({ name, uid, generation, fenced: isFenced, lease }) {
      const wish = assigned()?.find((unit) => unit.name === name);
      const wanted_ = wish?.desired === 'launched' && wish.uid === uid && wish.generation === generation;
      return wanted_ && (!isFenced || (options.mayRun() && lease === options.lease()));
    },
    hidden: (state, name) => hostsOwn(state, pathOf(name)),
    guard: options.guard,
    onKilled(name, words) {
      const { uid } = assigned()?.find((unit) => unit.name === name) ?? {};
      const unit = uid === undefined ? {} : { unit: { name, uid } };
      options.events.add({ type: 'Warning', reason: 'UnitKilled', message: `Unit ${name}: ${words}`, ...unit });
    },
    stateOf: (name) => states.get(name)!,
    stale(now_) {
      stale = now_;
    },
    reloaded() {
      for (const known of states.keys()) outdated.add(known);
    },
  };

  function onSignal(signal: BusSignal): void {
    const { path, member, body } = signal;
    if (member === 'JobRemoved') {
      void started.jobEnded(Number(body[0]), String(body[3])).then(trigger, sayFailed);
      outdated.add(String(body[2]));
    } else if (member === 'Reloading' && body[0] === false) for (const known of states.keys()) outdated.add(known);
    else {
      const name = member === 'PropertiesChanged' ? unitOfPath(path) : undefined;
      const state = name === undefined ? undefined : states.get(name);
      if (name !== undefined) asking.get(name)?.push(signal);
      if (name === undefined || !state || asking.has(name) || !isNews(state, signal)) return;
      outdated.add(name);
    }
    trigger();
  }

  function trigger(): void {
    if (closed) return;
    fence.look();
    again = true;
    passing ??= passes().finally(() => {
      passing = undefined;
      // Told between the last look at it and now.
      if (again) trigger();
    });
  }

  async function passes(): Promise<void> {
    while (again && !closed) {
      again = false;
      let wakeAt = now() + RESYNC_MS;
      try {
        wakeAt = Math.min(wakeAt, await pass());
        // Not at each connection: one that is made, and serves for nothing then, is tried less and less often, too.
        failures = 0;
        if (problem !== undefined) log.info("this host's units are looked after again");
        problem = undefined;
      } catch (error) {
        // Its connection was closed under it: nobody needs to know.
        if (closed) return;
        if (problem === undefined) log.warn("this host's units can't be looked after", { reason: messageOf(error) });
        problem = messageOf(error);
        systemd.disconnect();
        // Soon again: it may have to be killed.
        if (await fence.stop()) failures = 0;
        wakeAt = now() + Math.min(RECONNECT_MS_FIRST * 2 ** failures++, RECONNECT_MS_MAX);
      }
      looked = true;
      options.guard.tell();
      tell();
      clearTimeout(timer);
      // One that is set after the end would keep the process.
      if (!closed) timer = setTimeout(trigger, Math.max(1, wakeAt - now()));
    }
  }

  /** Looks, plans, and sets steps going. Gives when to do so again. */
  async function pass(): Promise<number> {
    if (!wanted()) return Number.POSITIVE_INFINITY;
    ended.clear();
    listed = await files.list();
    const names = new Set([...(wanted() ?? []).map(({ name }) => name), ...listed.keys()]);
    // Whoever has no units pays for no connection.
    if (names.size === 0) {
      states.clear();
      // What is left to do for the last one takes it.
      if (busy.size === 0) systemd.disconnect();
      return Number.POSITIVE_INFINITY;
    }
    if (await systemd.connect()) states.clear();
    if (now() - askedAllAt >= RESYNC_MS) {
      askedAllAt = now();
      for (const name of names) outdated.add(name);
    }
    await look(names);
    if (!options.lapsed()) for (const unit of wanted() ?? []) if (unit.fenced) await started.adopt(unit.name, options.lease());
    const units = wanted();
    if (!units) return Number.POSITIVE_INFINITY;
    // All of it as it is now, and not before so many answers were waited for: the lease that is held by now may be good for another assignment only,
    // one without a unit that runs elsewhere. What was not looked at yet waits for the next pass, which whoever changed it has asked for.
    const plan = planUnits({
      now: now(),
      units,
      observed: observed(names),
      launches: started.all,
      busy: new Set([...busy, ...ended]),
      held: (name) => cools.holds(name),
      stale,
      lapsed: options.lapsed(),
      lease: options.lease(),
      pathOf,
    });
    let wakeAt = plan.wakeAt ?? Number.POSITIVE_INFINITY;
    for (const step of plan.steps) {
      const held = cools.heldUntil(step.name, cooled(step));
      if (held !== undefined) wakeAt = Math.min(wakeAt, held);
      else {
        const done: Promise<void> = run(step).finally(() => running.delete(done));
        running.add(done);
      }
    }
    return wakeAt;
  }

  /** Names become names of files: those that could not be a unit's are nobody's wish. */
  function wanted(): readonly AssignedUnit[] | undefined {
    return assigned()?.filter(({ name }) => unitNameProblem(name) === undefined);
  }

  /** Of which there is a file of ours. Those too that nobody assigns any more and that are still stopping. */
  function fenced(): string[] | undefined {
    const units = wanted();
    if (!units || !listed) return undefined;
    const assigned_ = new Map(units.map((unit) => [unit.name, unit.fenced]));
    return Array.from(listed).flatMap(([name, file]) =>
      (assigned_.get(name) ?? file.fenced) && !theirs.has(name) ? [name] : [],
    );
  }

  async function look(names: ReadonlySet<string>): Promise<void> {
    for (const known of [states, theirs]) for (const name of known.keys()) if (!names.has(name)) known.delete(name);
    const asked = [...names].filter((name) => outdated.has(name) || !states.has(name));
    outdated.clear();
    await Promise.all(
      asked.map(async (name) => {
        const first = !states.has(name);
        const meanwhile: BusSignal[] = [];
        asking.set(name, meanwhile);
        const state = await systemd
          .manager()
          .state(name)
          .finally(() => asking.delete(name));
        states.set(name, state);
        if (meanwhile.some((signal) => isNews(state, signal))) {
          outdated.add(name);
          again = true;
        }
        if (hostsOwn(state, pathOf(name))) theirs.add(name);
        else theirs.delete(name);
        if (first) await started.settle(name, state);
      }),
    );
  }

  function observed(names: Iterable<string>): Map<string, ObservedUnit> {
    return new Map(Array.from(names, (name) => [name, { file: listed?.get(name), state: states.get(name) }]));
  }

  /** To read other files than the last time is another step: units that come one after the other aren't held up by each other. */
  function cooled(step: UnitStep): unknown {
    return step.type === 'reload' ? { ...step, changes } : step;
  }

  async function run(step: UnitStep): Promise<void> {
    const { name, type } = step;
    if (type === 'writeUnit' || type === 'removeUnit') changes++;
    const known = cooled(step);
    busy.add(name);
    try {
      await executeUnitStep(step, context);
    } catch (error) {
      if (!closed) sayFailed(error, { step: step.type, unit: name });
    }
    busy.delete(name);
    ended.add(name);
    outdated.add(name);
    cools.done(name, known);
    trigger();
  }

  function sayFailed(error: unknown, fields: Record<string, unknown> = {}): void {
    log.warn('a step for a unit failed', { ...fields, reason: messageOf(error) });
  }

  function reports(): readonly UnitReport[] | 'unknown' {
    const units = assigned();
    if (!units || units.length === 0) return [];
    if (!looked) return 'unknown';
    return unitReports({ units, observed: observed(states.keys()), launches: started.all, pathOf, time: options.time });
  }

  function tell(): void {
    const text = JSON.stringify(reports());
    if (text === told) return;
    told = text;
    options.onChange();
  }

  return {
    trigger,
    reports,
    fenced,
    async close() {
      closed = true;
      clearTimeout(timer);
      fence.close();
      systemd.close();
      // What they were about to write down is written down, and nothing after that.
      await Promise.all([passing, ...running]);
    },
  };
}
