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

interface OnHost {
  readonly unit: Unit;
  readonly host: UnitHost;
}

/** As fleetctl's list-units: what runs where, and how. */
export function listCommand(io: Io): Command {
  return withCluster(new Command('list'))
    .alias('ls')
    .summary('what is on which host, and how it is')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const { items } = await kube.list<Unit>(UNIT, undefined);
      if (session.json) return printJson(io, { units: items });
      const rows = items.flatMap((unit): OnHost[] => (unit.status?.hosts ?? []).map((host) => ({ unit, host })));
      const waiting = items.filter((unit) => unit.spec.desiredState !== 'inactive' && hostsOf(unit).length === 0);
      if (rows.length === 0 && waiting.length === 0) return line(io.err, items.length === 0 ? NONE : 'no unit is on a host');
      await printTable<OnHost>(
        io,
        [
          { title: 'UNIT', value: ({ unit }) => unit.metadata.name },
          { title: 'HOST', value: ({ host }) => host.nodeName },
          {
            title: 'ACTIVE',
            value: ({ host }) => (host.leaving === undefined ? host.activeState : `${host.activeState ?? ''} (leaving)`.trim()),
            colour: ({ host }) => (host.activeState === 'failed' ? 'red' : host.activeState === 'active' ? 'green' : undefined),
          },
          { title: 'SUB', value: ({ host }) => host.subState },
        ],
        rows,
      );
      for (const unit of waiting)
        await line(io.err, `${unit.metadata.name} is on no host: ${whyNot(unit) ?? 'it is about to be placed'}`);
    });
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
