import { Command } from 'commander';
import type { InstanceView } from '../../../core/updates/api.ts';
import { CliError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { withCluster } from '../../options.ts';
import { ageOf } from '../../output/age.ts';
import { printJson, printResult } from '../../output/print.ts';
import { printTable } from '../../output/table.ts';
import { openSession, type Session, type SessionOptions } from '../../session.ts';

export function instanceCommand(io: Io): Command {
  return new Command('instance')
    .summary('hosts that ask for updates')
    .addCommand(listCommand(io))
    .addCommand(historyCommand(io))
    .addCommand(forgetCommand(io));
}

async function instances(session: Session): Promise<readonly InstanceView[]> {
  const kube = await session.kube();
  return (await kube.json<{ instances: readonly InstanceView[] }>({ path: '/updates/instances' })).instances;
}

/** By id, its beginning, or alias, if that names one only. */
async function one(session: Session, name: string): Promise<InstanceView> {
  const all = await instances(session);
  const found = all.filter(({ id, alias }) => id === name || alias === name);
  const matches = found.length > 0 ? found : all.filter(({ id }) => id.startsWith(name));
  if (matches.length === 1) return matches[0]!;
  throw new CliError(matches.length === 0 ? `there is no instance ${name}` : `${matches.length} instances are named ${name}`, {
    code: 'not_found',
    fix: 'terrane update instance list --full',
  });
}

interface ListOptions extends SessionOptions {
  readonly group?: string;
  readonly full?: boolean;
}

function listCommand(io: Io): Command {
  return withCluster(new Command('list'))
    .alias('ls')
    .summary('list them, with their versions and what they do')
    .option('--group <name>', 'of one group')
    .option('--full', 'ids in full')
    .action(async (options: ListOptions) => {
      const session = await openSession(io, options);
      const found = (await instances(session)).filter(({ group }) => !options.group || group === options.group);
      if (session.json) return printJson(io, { instances: found });
      if (found.length === 0) return line(io.err, 'no host has asked yet: terrane token create --kind update');
      return printTable<InstanceView>(
        io,
        [
          { title: 'ID', value: ({ id }) => (options.full ? id : id.slice(0, 12)) },
          { title: 'ALIAS', value: ({ alias }) => alias },
          { title: 'GROUP', value: ({ group }) => group },
          { title: 'VERSION', value: ({ version }) => version },
          {
            title: 'STATUS',
            value: words,
            colour: ({ status }) => (status === 'error' ? 'red' : status === 'complete' ? 'green' : undefined),
          },
          { title: 'SEEN', value: ({ lastSeen }) => `${ageOf(lastSeen, io.now())} ago` },
        ],
        found,
      );
    });
}

function words({ status, updatingTo, errorCode }: InstanceView): string {
  if (status === 'undefined') return '-';
  if (status === 'installed') return `reboot pending (${updatingTo})`;
  const code = errorCode === undefined ? '' : ` ${errorCode}`;
  return updatingTo === undefined ? status : `${status}${code} (${updatingTo})`;
}

function historyCommand(io: Io): Command {
  return withCluster(new Command('history'))
    .summary('what became of the updates of one')
    .argument('<instance>', 'id, the beginning of it, or alias')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const instance = await one(session, name);
      if (session.json) return printJson(io, instance);
      if (instance.history.length === 0) return line(io.err, `${instance.id} was given no update yet`);
      await printTable(
        io,
        [
          { title: 'TIME', value: ({ at }) => new Date(at).toISOString() },
          { title: 'STATUS', value: ({ status }) => status },
          { title: 'VERSION', value: ({ version }) => version },
          { title: 'ERROR', value: ({ errorCode }) => errorCode },
        ],
        instance.history,
      );
      if (instance.message !== undefined) await line(io.out, `\n${instance.message}`);
    });
}

function forgetCommand(io: Io): Command {
  return withCluster(new Command('forget'))
    .summary('forget a host that is gone, and free its slot')
    .argument('<instance>', 'id, the beginning of it, or alias')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const { application, id } = await one(session, name);
      const kube = await session.kube();
      await kube.json({
        method: 'DELETE',
        path: `/updates/instances/${encodeURIComponent(application)}/${encodeURIComponent(id)}`,
      });
      await printResult(io, session.json, { forgotten: id }, `${id} is forgotten; if it asks again, it is a new one`);
    });
}
