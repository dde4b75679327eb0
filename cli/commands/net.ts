import { Command } from 'commander';
import type { Io } from '../io.ts';
import { doctorCommand } from './net/doctor.ts';
import { statusCommand } from './net/status.ts';

export function netCommand(io: Io): Command {
  return new Command('net')
    .summary("the network between the cluster's hosts")
    .addCommand(statusCommand(io))
    .addCommand(doctorCommand(io));
}
