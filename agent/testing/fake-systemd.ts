import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Bus, type BusCall, BusError, type BusSignal, NOT_SENT } from '../systemd/bus.ts';
import { unitOfPath, unitPath } from '../systemd/unit-path.ts';

/**
 * A systemd behind a bus, in which nothing happens by itself: whoever has it calls `step` for the next thing to happen, be it that a call is sent, heard or
 * answered, or that a job goes on. As in the real one, what one connection sends is heard in order, and what comes back is in order, too.
 */
export interface FakeSystemd {
  readonly connect: (socket: string, onSignal: (signal: BusSignal) => void) => Promise<Bus>;
  /** Something of what could happen now, picked by a number; false: there is nothing. */
  step(pick: number): boolean;
  /** All connections end; what was sent is heard all the same. */
  lose(): void;
  /** Its process ends by itself. */
  exit(unit: string): void;
  activeState(unit: string): string;
  /** Every unit of which anything runs. */
  running(): readonly string[];
}

export interface FakeSystemdOptions {
  readonly directory: string;
  readonly now: () => number;
  /** A connection sends one that is to be (re)started just now. */
  readonly onStart: (unit: string) => void;
}

interface FakeUnit {
  text: string | undefined;
  active: 'inactive' | 'active' | 'deactivating';
  run: number;
  since: number;
  job?: { readonly id: number; readonly type: 'start' | 'stop' } | undefined;
}

interface Asked {
  readonly call: BusCall;
  readonly answer: (body: readonly unknown[]) => void;
  readonly refuse: (error: Error) => void;
}

const UNIT = 'org.freedesktop.systemd1.Unit';
const JOBS = '/org/freedesktop/systemd1/job/';

export function fakeSystemd({ directory, now, onStart }: FakeSystemdOptions): FakeSystemd {
  const units = new Map<string, FakeUnit>();
  const connections = new Set<ReturnType<typeof connection>>();
  /** Of connections that have ended. */
  const stillHeard: Asked[] = [];
  let jobs = 0;
  let runs = 0;

  function connection(onSignal: (signal: BusSignal) => void) {
    let end: (reason: string) => void = () => {};
    const lost = new Promise<string>((resolve) => {
      end = resolve;
    });
    return {
      open: new Set<Asked>(),
      unsent: [] as Asked[],
      sent: [] as Asked[],
      back: [] as (() => void)[],
      onSignal,
      lost,
      end,
    };
  }

  const onDisk = (name: string) => {
    const path = join(directory, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  };
  const unitOf = (name: string): FakeUnit => {
    const known = units.get(name) ?? { text: onDisk(name), active: 'inactive', run: 0, since: now() };
    units.set(name, known);
    return known;
  };
  const signal = (path: string, of: string, member: string, body: readonly unknown[]) => {
    for (const { back, onSignal } of connections) back.push(() => onSignal({ path, interface: of, member, body }));
  };
  const properties = (unit: FakeUnit) => ({
    ActiveState: unit.active,
    SubState: unit.active === 'active' ? 'running' : unit.active === 'inactive' ? 'dead' : 'stop-sigterm',
    InvocationID: Uint8Array.from(unit.run === 0 ? [] : [unit.run >> 8, unit.run & 255]),
    Job: [unit.job?.id ?? 0, '/'],
    StateChangeTimestamp: BigInt(unit.since) * 1000n,
  });
  const changed = (name: string) =>
    signal(unitPath(name), 'org.freedesktop.DBus.Properties', 'PropertiesChanged', [UNIT, properties(unitOf(name)), []]);
  const manager = (member: string, ...body: unknown[]) =>
    signal('/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager', member, body);

  function enter(name: string, active: FakeUnit['active']): void {
    const unit = unitOf(name);
    unit.active = active;
    unit.since = now();
    if (active === 'active') unit.run = ++runs;
    changed(name);
  }

  function endJob(name: string, result: string): void {
    const unit = unitOf(name);
    if (!unit.job) return;
    const { id } = unit.job;
    unit.job = undefined;
    changed(name);
    manager('JobRemoved', id, JOBS + id, name, result);
  }

  /** A job goes on by one state. */
  function work(name: string): void {
    const unit = unitOf(name);
    if (unit.active !== 'inactive') {
      if (unit.active === 'active' && unit.job) return enter(name, 'deactivating');
      enter(name, 'inactive');
      if (unit.job?.type === 'stop') endJob(name, 'done');
    } else if (unit.job?.type === 'start') {
      enter(name, 'active');
      endJob(name, 'done');
    } else endJob(name, 'done');
  }

  function newJob(name: string, type: 'start' | 'stop'): number {
    endJob(name, 'canceled');
    const id = ++jobs;
    unitOf(name).job = { id, type };
    changed(name);
    return id;
  }

  function heard({ member, path, body = [] }: BusCall): readonly unknown[] {
    const name = member === 'GetAll' ? unitOfPath(path)! : String(body[0]);
    switch (member) {
      case 'LoadUnit':
        unitOf(name);
        return [unitPath(name)];
      case 'GetAll': {
        const unit = unitOf(name);
        return [
          {
            ...properties(unit),
            LoadState: unit.text === undefined ? 'not-found' : 'loaded',
            FragmentPath: unit.text === undefined ? '' : join(directory, name),
            NeedDaemonReload: unit.text !== onDisk(name),
            LoadError: ['', ''],
          },
        ];
      }
      case 'RestartUnit':
        if (unitOf(name).text === undefined) throw new BusError('org.freedesktop.systemd1.NoSuchUnit', `${name} not found`);
        return [JOBS + newJob(name, 'start')];
      case 'StopUnit':
        return [JOBS + newJob(name, 'stop')];
      case 'KillUnit':
        if (unitOf(name).active !== 'inactive') enter(name, 'inactive');
        return [];
      case 'Reload':
        for (const [known, unit] of units) unit.text = onDisk(known);
        manager('Reloading', false);
        return [];
      default:
        return [];
    }
  }

  function hear({ call, answer, refuse }: Asked, back?: (() => void)[]): void {
    let said: () => void;
    try {
      const body = heard(call);
      said = () => answer(body);
    } catch (error) {
      said = () => refuse(error as Error);
    }
    back?.push(said);
  }

  function possible(): (() => void)[] {
    const all: (() => void)[] = [];
    for (const { unsent, sent, back } of connections) {
      const [next, first] = [unsent[0], sent[0]];
      if (next)
        all.push(() => {
          unsent.shift();
          send(next, sent);
        });
      if (first) all.push(() => hear(sent.shift()!, back));
      if (back[0]) all.push(() => back.shift()!());
    }
    if (stillHeard[0]) all.push(() => hear(stillHeard.shift()!));
    for (const [name, { job, active }] of units) if (job || active === 'deactivating') all.push(() => work(name));
    return all;
  }

  function send(asked: Asked, sent: Asked[]): void {
    const { call, refuse } = asked;
    if (call.still?.() === false) return refuse(new BusError(NOT_SENT, 'it is not wanted any more'));
    if (call.member === 'RestartUnit') onStart(String(call.body?.[0]));
    sent.push(asked);
  }

  return {
    async connect(_, onSignal) {
      const one = connection(onSignal);
      connections.add(one);
      const close = (reason: string) => {
        if (!connections.delete(one)) return;
        stillHeard.push(...one.sent);
        one.end(reason);
        for (const { refuse } of one.open) refuse(new BusError('org.freedesktop.DBus.Error.Disconnected', reason));
      };
      void one.lost.then(close);
      return {
        call: (call) =>
          new Promise((answer, refuse) => {
            if (!connections.has(one)) return refuse(new BusError('org.freedesktop.DBus.Error.Disconnected', 'closed'));
            const asked = { call, answer, refuse };
            one.open.add(asked);
            one.unsent.push(asked);
          }),
        lost: one.lost,
        close: () => close('closed'),
      };
    },
    step(pick) {
      const all = possible();
      all[pick % all.length]?.();
      return all.length > 0;
    },
    lose() {
      for (const { end } of connections) end('the bus closed the connection');
    },
    exit(name) {
      if (unitOf(name).active === 'active') enter(name, 'inactive');
    },
    activeState: (name) => unitOf(name).active,
    running: () => [...units].flatMap(([name, { active }]) => (active === 'inactive' ? [] : [name])),
  };
}
