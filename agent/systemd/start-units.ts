import { existsSync } from 'node:fs';
import type { Assignment } from '../../core/node/assignment.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { FenceGuard } from '../fencing/fence-guard.ts';
import type { LeaseKeeper } from '../fencing/lease-keeper.ts';
import type { UnitStreams } from '../uplink/unit-streams.ts';
import { hostStreams } from './host-streams.ts';
import { openUnitDriver, type UnitDriver, type UnitDriverOptions } from './unit-driver.ts';

export interface HostUnits extends UnitDriver {
  /** Is there a bus to systemd? Once there was, it is expected to come back: a bus that is restarted moves no unit. */
  usable(): boolean;
  readonly streams: UnitStreams;
}

export interface StartUnitsOptions {
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  readonly assignment: () => Assignment | undefined;
  readonly lease: () => LeaseKeeper;
  readonly guard: FenceGuard;
  readonly log: Logger;
  readonly events: UnitDriverOptions['events'];
  readonly now: () => number;
  readonly time: (at: number) => string;
  readonly onChange: () => void;
  /** Where systemd is, in tests. */
  readonly places?: { readonly bus: string; readonly directory: string; readonly memory: string };
}

const PLACES = { bus: '/run/dbus/system_bus_socket', directory: '/run/systemd/system', memory: '/run/terrane' };

/** Units of this host, whose systemd is the first process and whose agent may use it. undefined on any other host. */
export async function startUnits(options: StartUnitsOptions): Promise<HostUnits | undefined> {
  const { owner, assignment, lease, guard, log, events, now, time, onChange, places = PLACES } = options;
  const why = withoutSystemd(places.directory);
  if (why !== undefined) {
    log.info('this host runs no systemd units', { reason: why });
    return undefined;
  }
  const driver = await openUnitDriver({
    owner,
    ...places,
    assigned() {
      const current = assignment();
      return current && (current.units ?? []);
    },
    lapsed() {
      const at = lease().lapsedAt();
      return at === undefined ? undefined : { at, graceSeconds: lease().graceSeconds() };
    },
    mayRun: () => lease().holds(),
    lease: () => lease().number(),
    guard,
    log,
    events,
    now,
    time,
    onChange,
  });
  // One that is being stopped, too: its journal says why that takes so long.
  const assigned = (unit: string) => assignment()?.units?.some(({ name }) => name === unit) ?? false;
  let usable = false;
  const look = () => {
    usable ||= existsSync(places.bus);
    return usable;
  };
  if (!look())
    log.warn('this host runs no systemd units until there is D-Bus', { fix: `install dbus: ${places.bus} is not there` });
  return { ...driver, usable: look, streams: hostStreams({ owner, assigned }) };
}

/** As sd_booted(3) has it. */
function withoutSystemd(directory: string): string | undefined {
  if (!existsSync(directory)) return 'systemd is not what started it';
  if (process.getuid?.() !== 0) return 'the agent is not root';
  return undefined;
}
