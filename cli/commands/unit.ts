import { Command } from 'commander';
import type { Io } from '../io.ts';
import { changeCommands } from './unit/change.ts';
import { execCommand } from './unit/exec.ts';
import { journalCommand } from './unit/journal.ts';
import { listCommand, listFilesCommand } from './unit/list.ts';
import { catCommand, statusCommand } from './unit/show.ts';

export function unitCommand(io: Io): Command {
  const command = new Command('unit').summary('systemd units over all hosts, as with fleet').enablePositionalOptions();
  for (const each of [
    ...changeCommands(io),
    listCommand(io),
    listFilesCommand(io),
    catCommand(io),
    statusCommand(io),
    journalCommand(io),
    execCommand(io),
  ])
    command.addCommand(each);
  return command;
}
