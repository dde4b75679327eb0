import { createHash } from 'node:crypto';
import type { AssignedUnit } from '../../../core/node/assigned-unit.ts';
import { type FenceGuard, NO_GUARD } from '../../../agent/fencing/fence-guard.ts';
import { openUnitDriver, type UnitDriver, type UnitDriverOptions } from '../../../agent/systemd/unit-driver.ts';
import { eventually } from '../../support/eventually.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';

/** The driver as an agent on the host has it; here, it reaches the host's bus and files from outside. */
export interface DrivenHost {
  readonly driver: UnitDriver;
  readonly lines: readonly string[];
  /** Puts units in force. */
  readonly assign: (...units: AssignedUnit[]) => void;
  /** The host's lease: since when it has lapsed. */
  readonly lapse: (lapsed: ReturnType<UnitDriverOptions['lapsed']>) => void;
  /** Waits until the unit is reported like this. */
  readonly reported: (name: string, expected: Partial<ReturnType<typeof reportOf>>) => Promise<ReturnType<typeof reportOf>>;
  close(): Promise<void>;
}

export const OWNER = 'cluster-1/host-1';

export async function drive(host: SystemdHost, owner = OWNER, guard: FenceGuard = NO_GUARD): Promise<DrivenHost> {
  let units: readonly AssignedUnit[] | undefined;
  let lapsed: ReturnType<UnitDriverOptions['lapsed']>;
  const lines: string[] = [];
  const log = (level: string) => (message: string, fields?: object) =>
    void lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
  const driver = await openUnitDriver({
    owner,
    bus: host.path('/run/dbus/system_bus_socket'),
    directory: host.path('/run/systemd/system'),
    memory: host.path('/run/terrane'),
    fragments: '/run/systemd/system',
    withoutBus: { systemctl: host.systemctl(), cgroups: host.path('/sys/fs/cgroup') },
    assigned: () => units,
    lapsed: () => lapsed,
    mayRun: () => lapsed === undefined,
    lease: () => 1,
    guard,
    log: { info: log('info'), warn: log('warn'), error: log('error') },
    events: { add: ({ reason, message }) => void lines.push(`event ${reason} ${message}`) },
    now: () => Date.now(),
    time: (at) => new Date(at).toISOString(),
    onChange() {},
  });
  driver.trigger();
  return {
    driver,
    lines,
    assign(...next) {
      units = next;
      driver.trigger();
    },
    lapse(next) {
      lapsed = next;
      driver.trigger();
    },
    reported: (name, expected) =>
      eventually(`${name} is reported as ${JSON.stringify(expected)}`, () => {
        const report = reportOf(driver, name, lines);
        for (const [field, value] of Object.entries(expected)) {
          if (report[field as keyof typeof report] !== value) throw new Error(`${JSON.stringify(report)}\n${lines.join('\n')}`);
        }
        return report;
      }),
    close: () => driver.close(),
  };
}

function reportOf(driver: UnitDriver, name: string, lines: readonly string[] = []) {
  const reports = driver.reports();
  const report = reports === 'unknown' ? undefined : reports.find((one) => one.name === name);
  if (!report) throw new Error(`nothing is reported of ${name}\n${JSON.stringify(reports)}\n${lines.join('\n')}`);
  return report;
}

/** A unit of which everything follows from its name and text, but for what is said. */
export function unit(name: string, contents: string, rest: Partial<AssignedUnit> = {}): AssignedUnit {
  const hash = createHash('sha1').update(contents).digest('hex');
  return { name, uid: `uid-${name}`, placement: 1, contents, hash, desired: 'launched', generation: 1, fenced: false, ...rest };
}

export function service(command: string, ...options: string[]): string {
  return ['[Service]', `ExecStart=${command}`, ...options, ''].join('\n');
}

export const SLEEP = service('/bin/sleep infinity');
