import { Command } from 'commander';
import type { Io } from '../io.ts';
import { channelCommand } from './update/channel.ts';
import { groupCommand } from './update/group.ts';
import { instanceCommand } from './update/instance.ts';
import { packageCommand } from './update/package.ts';
import { rolloutCommand } from './update/rollout.ts';
import { syncCommand } from './update/sync.ts';

export function updateCommand(io: Io): Command {
  return new Command('update')
    .summary('operating systems that update themselves')
    .addCommand(packageCommand(io))
    .addCommand(channelCommand(io))
    .addCommand(groupCommand(io))
    .addCommand(instanceCommand(io))
    .addCommand(rolloutCommand(io))
    .addCommand(syncCommand(io));
}
