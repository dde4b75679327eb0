import { Command, Option } from 'commander';
import { UPDATE_DRIVERS } from '../../../core/resources/schema/update-group.ts';
import { applicationOf } from '../../../core/updates/settings.ts';
import { CliError, EXIT } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { kindPath, type KubeObject } from '../../kube/client.ts';
import { UPDATE_CHANNEL, UPDATE_GROUP } from '../../kube/kinds.ts';
import { collect, withCluster, wholeNumber } from '../../options.ts';
import { printResult } from '../../output/print.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { deleteOf, listOf, patch } from './resource.ts';

export function groupCommand(io: Io): Command {
  return new Command('group')
    .summary('hosts that follow a channel, and how fast')
    .addCommand(listOf(io, UPDATE_GROUP))
    .addCommand(createCommand(io))
    .addCommand(changeCommand(io, 'pause', 'give nothing to anybody until resumed', { paused: true }, 'paused'))
    .addCommand(haltCommand(io))
    .addCommand(resumeCommand(io))
    .addCommand(pinCommand(io))
    .addCommand(changeCommand(io, 'unpin', 'follow the channel again', { pin: null }, 'follows its channel again'))
    .addCommand(deleteOf(io, UPDATE_GROUP));
}

interface CreateOptions extends SessionOptions {
  readonly channel: string;
  readonly application: string;
  readonly track: readonly string[];
  readonly max?: number;
  readonly period?: string;
  readonly reboots?: number;
  readonly driver?: string;
  readonly nodes: readonly string[];
}

function createCommand(io: Io): Command {
  return withCluster(new Command('create'))
    .summary('make a group: one host first, then one an hour, unless told otherwise')
    .argument('<name>')
    .requiredOption('--channel <channel>', 'the channel that it follows')
    .option('--application <application>', 'what is updated', 'flatcar')
    .option('--track <name>', 'another name that hosts use for it; may be repeated', collect, [])
    .option('--max <n>', 'updates that begin in a period, and that are under way', wholeNumber)
    .option('--period <time>', 'such as 30m or 1h')
    .option('--reboots <n>', 'hosts that may reboot at a time', wholeNumber)
    .addOption(
      new Option('--driver <driver>', "have the nodes' agents do it; without, hosts come by themselves").choices(UPDATE_DRIVERS),
    )
    .option('--nodes <label=value>', 'with --driver: nodes that have this label; may be repeated', collect, [])
    .action(async (name: string, options: CreateOptions) => {
      const session = await openSession(io, options);
      const { application, channel, track, max, period, reboots, driver } = options;
      const matchLabels = labelsOf(options.nodes);
      if (options.nodes.length > 0 && driver === undefined)
        throw new CliError('--nodes is for groups whose hosts are updated by their agents', {
          exit: EXIT.usage,
          fix: `Add --driver: ${UPDATE_DRIVERS.join(', ')}`,
        });
      const spec = {
        application,
        channel,
        ...(track.length > 0 && { tracks: track }),
        policy: { ...(max !== undefined && { maxUpdatesPerPeriod: max }), ...(period !== undefined && { period }) },
        ...(reboots !== undefined && { reboots: { max: reboots } }),
        ...(driver !== undefined && { hosts: { driver, ...(options.nodes.length > 0 && { matchLabels }) } }),
      };
      const body = { apiVersion: 'terrane.dev/v1', kind: 'UpdateGroup', metadata: { name }, spec };
      const kube = await session.kube();
      const followed = await kube.find<KubeObject & { readonly spec: { readonly application: string } }>(UPDATE_CHANNEL, {
        name: channel,
      });
      if (followed && applicationOf(followed.spec.application) !== applicationOf(application))
        throw new CliError(`channel ${channel} is of ${followed.spec.application}: a group of ${application} would get nothing`, {
          code: 'other_application',
          fix: `Add --application ${followed.spec.application}, or follow another channel`,
        });
      const made = await kube.json<KubeObject>({ method: 'POST', path: kindPath(UPDATE_GROUP, {}), body });
      await printResult(
        io,
        session.json,
        made,
        driver === undefined
          ? `group ${name} created. Point hosts at it: terrane token create --kind update`
          : `group ${name} created. The agents of its nodes hear of it with their next assignment`,
      );
    });
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, name, value] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
      if (name !== undefined && value !== undefined) return [name, value];
      throw new CliError(`--nodes ${pair} is no label`, { exit: EXIT.usage, fix: 'Write it as site=edge' });
    }),
  );
}

/** As the rules do when too much fails: it stays in the status and the Events why, until the group is resumed. */
function haltCommand(io: Io): Command {
  return withCluster(new Command('halt'))
    .summary('stop a group because something is wrong, and say what')
    .argument('<group>')
    .requiredOption('--reason <text>', 'what is wrong, for whoever looks at the group')
    .action(async (name: string, options: SessionOptions & { readonly reason: string }) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const body = { reason: options.reason };
      await kube.json({ method: 'POST', path: `/updates/groups/${encodeURIComponent(name)}/halt`, body });
      await printResult(io, session.json, { group: name, halted: options.reason }, `group ${name} is halted: ${options.reason}`);
    });
}

/** Lifts a pause, and a halt. */
function resumeCommand(io: Io): Command {
  return withCluster(new Command('resume'))
    .summary('let a paused or halted group go on')
    .argument('<group>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const changed = await patch(kube, UPDATE_GROUP, name, { paused: null });
      await kube.json({ method: 'POST', path: `/updates/groups/${encodeURIComponent(name)}/resume` });
      await printResult(io, session.json, changed, `group ${name} goes on`);
    });
}

function pinCommand(io: Io): Command {
  return withCluster(new Command('pin'))
    .summary('keep a group at one package, whatever its channel names')
    .argument('<group>')
    .argument('<package>')
    .action(async (name: string, pin: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const changed = await patch(await session.kube(), UPDATE_GROUP, name, { pin });
      await printResult(io, session.json, changed, `group ${name} is pinned to ${pin}`);
    });
}

function changeCommand(io: Io, verb: string, summary: string, spec: object, words: string): Command {
  return withCluster(new Command(verb))
    .summary(summary)
    .argument('<group>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const changed = await patch(await session.kube(), UPDATE_GROUP, name, spec);
      await printResult(io, session.json, changed, `group ${name} ${words}`);
    });
}
