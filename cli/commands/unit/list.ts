import { Command } from 'commander';
import type { Unit, UnitHost } from '../../../core/resources/schema/unit.ts';
import { type Io, line } from '../../io.ts';
import { UNIT } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { printJson } from '../../output/print.ts';
import { printTable } from '../../output/table.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { hostsOf, stateOf } from '../../unit/units.ts';
import { whyNot } from '../../unit/wait.ts';

const NONE = 'no units yet: terrane unit start FILE';

/** A unit on one of its hosts; without `host` one that is wanted on one and is on none. */
interface Row {
  readonly unit: Unit;
  readonly host?: UnitHost;
}

/** As fleetctl's list-units: what runs where, and how; and, which fleetctl does not show, what waits, and why. */
export function listCommand(io: Io): Command {
  return withCluster(new Command('list'))
    .alias('ls')
    .summary('what is on which host, and how it is')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const { items } = await kube.list<Unit>(UNIT, undefined);
      if (session.json) return printJson(io, { units: items });
      const rows = items.flatMap((unit): Row[] => {
        const hosts = unit.status?.hosts ?? [];
        if (hosts.length > 0) return hosts.map((host) => ({ unit, host }));
        return unit.spec.desiredState === 'inactive' ? [] : [{ unit }];
      });
      if (rows.length === 0)
        return line(io.err, items.length === 0 ? NONE : 'no unit is on a host, or wanted on one: terrane unit list-files');
      await printTable<Row>(
        io,
        [
          { title: 'UNIT', value: ({ unit }) => unit.metadata.name },
          { title: 'HOST', value: ({ host }) => host?.nodeName },
          {
            title: 'ACTIVE',
            value: ({ host }) => (host?.leaving === undefined ? host?.activeState : `${host.activeState ?? ''} (leaving)`.trim()),
            colour: ({ host }) => (host?.activeState === 'failed' ? 'red' : host?.activeState === 'active' ? 'green' : undefined),
          },
          { title: 'SUB', value: ({ host }) => host?.subState },
          ...(rows.some(why) ? [{ title: 'WHY', value: why }] : []),
        ],
        rows,
      );
    });
}

/** Undefined of one that is as it should be. */
function why({ unit, host }: Row): string | undefined {
  if (host) return host.error ?? host.leaving;
  return whyNot(unit) ?? 'it is about to be placed';
}

/** As fleetctl's list-unit-files: what there is, what is wanted, and what was reached. */
export function listFilesCommand(io: Io): Command {
  return withCluster(new Command('list-files'))
    .summary('all units, what is wanted and what was reached')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const { items } = await kube.list<Unit>(UNIT, undefined);
      if (session.json) return printJson(io, { units: items });
      if (items.length === 0) return line(io.err, NONE);
      await printTable<Unit>(
        io,
        [
          { title: 'UNIT', value: ({ metadata }) => metadata.name },
          { title: 'HASH', value: ({ status }) => status?.hash?.slice(0, 7) },
          { title: 'DESIRED', value: ({ spec }) => spec.desiredState },
          { title: 'STATE', value: (unit) => (unit.metadata.deletionTimestamp ? 'being destroyed' : stateOf(unit)) },
          { title: 'HOST', value: (unit) => where(hostsOf(unit)) },
        ],
        items,
      );
    });
}

function where(hosts: readonly string[]): string | undefined {
  return hosts.length > 2 ? `${hosts.length} hosts` : hosts.join(', ') || undefined;
}
