import { Command } from 'commander';
import type { GroupView } from '../../../core/updates/api.ts';
import { CliError, usageError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { UPDATE_GROUP } from '../../kube/kinds.ts';
import { withCluster, wholeNumber } from '../../options.ts';
import { ageOf } from '../../output/age.ts';
import { printJson, printResult } from '../../output/print.ts';
import { openSession, type Session, type SessionOptions } from '../../session.ts';
import { patch } from './resource.ts';

export function rolloutCommand(io: Io): Command {
  return new Command('rollout')
    .summary('how far a group is, and how fast it goes')
    .addCommand(statusCommand(io))
    .addCommand(watchCommand(io))
    .addCommand(setCommand(io))
    .addCommand(releaseCommand(io));
}

async function read(session: Session, name: string): Promise<GroupView> {
  return (await session.kube()).json<GroupView>({ path: `/updates/groups/${encodeURIComponent(name)}` });
}

function statusCommand(io: Io): Command {
  return withCluster(new Command('status'))
    .summary('what is under way, what holds it, who holds reboot slots')
    .argument('<group>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const group = await read(session, name);
      if (session.json) return printJson(io, group);
      for (const words of describe(group, io.now())) await line(io.out, words);
    });
}

function describe(group: GroupView, now: number): string[] {
  const { version, completed, failed, underWay, halted, reboots } = group;
  return [
    `${group.name}: ${version ?? 'nothing given yet'}; ${completed} completed, ${failed} failed, ${underWay.length} under way`,
    ...(halted
      ? [`halted ${ageOf(halted.at, now)} ago: ${halted.reason}. Look at it, then: terrane update group resume ${group.name}`]
      : []),
    ...underWay.map(
      ({ instance, version: to, progress, grantedAt }) => `  ${instance}: ${progress} ${to}, since ${ageOf(grantedAt, now)}`,
    ),
    `reboot slots: ${reboots.holders.length} of ${reboots.max} held`,
    ...reboots.holders.map(
      ({ id, since, node, draining }) =>
        `  ${id}, since ${ageOf(since, now)}${draining ? `: the pods of node ${node} leave first` : ''}`,
    ),
  ];
}

const LOOK_MS = 2_000;

function watchCommand(io: Io): Command {
  return withCluster(new Command('watch'))
    .summary('print a line whenever something changes, until nothing is under way (exit 1 if it is halted)')
    .argument('<group>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      let last = '';
      for (;;) {
        const group = await read(session, name);
        const { version, completed, failed, underWay, halted } = group;
        const words = session.json
          ? JSON.stringify({ version, completed, failed, underWay, halted })
          : describe(group, io.now())[0]!;
        if (words !== last) await line(io.out, words);
        last = words;
        if (halted) throw haltedError(name, halted.reason);
        if (underWay.length === 0) return;
        await io.sleep(LOOK_MS);
      }
    });
}

function haltedError(name: string, reason: string): CliError {
  return new CliError(`group ${name} is halted: ${reason}`, {
    code: 'halted',
    fix: `Look at it (terrane update rollout status ${name}), then: terrane update group resume ${name}`,
  });
}

interface SetOptions extends SessionOptions {
  readonly percent?: number;
  readonly linear?: string;
  readonly frame: string;
  readonly all?: boolean;
}

function setCommand(io: Io): Command {
  return withCluster(new Command('set'))
    .summary('how much of the group has its turn')
    .argument('<group>')
    .option('--percent <n>', 'so many of a hundred', wholeNumber)
    .option('--linear <time>', 'all within this time from now, such as 7d')
    .option('--frame <time>', 'with --linear: how long each step lasts', '1h')
    .option('--all', 'everybody')
    .action(async (name: string, options: SetOptions) => {
      const { percent, linear, frame, all } = options;
      if ([percent, linear, all].filter((given) => given !== undefined).length !== 1)
        throw usageError('exactly one of --percent, --linear and --all is needed');
      const session = await openSession(io, options);
      const rollout = {
        percentage: percent ?? null,
        linear: linear === undefined ? null : { start: new Date(io.now()).toISOString(), duration: linear, frame },
        waves: null,
      };
      const changed = await patch(await session.kube(), UPDATE_GROUP, name, { policy: { rollout: all ? null : rollout } });
      const words = all ? 'everybody has' : percent === undefined ? `all of it has within ${linear}` : `${percent} % of it have`;
      await printResult(io, session.json, changed, `group ${name}: ${words} a turn`);
    });
}

function releaseCommand(io: Io): Command {
  return withCluster(new Command('release'))
    .summary('take a reboot slot from a host that does not come back')
    .argument('<group>')
    .argument('<host>', 'as `rollout status` names it')
    .action(async (name: string, host: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const path = `/updates/groups/${encodeURIComponent(name)}/reboots/${encodeURIComponent(host)}`;
      await (await session.kube()).json({ method: 'DELETE', path });
      await printResult(io, session.json, { released: host }, `${host} holds no slot of ${name} any more`);
    });
}
