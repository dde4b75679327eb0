import { Command } from 'commander';
import { type ExecEnd, execFrameReader } from '../../../core/node/exec-frames.ts';
import { CliError, type ExitCode } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { kindPath } from '../../kube/client.ts';
import { UNIT } from '../../kube/kinds.ts';
import { timeOption, withCluster } from '../../options.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { askOfUnit, unitName } from '../../unit/units.ts';

interface Options extends SessionOptions {
  readonly host?: string;
  /** Seconds. */
  readonly timeout: number;
}

/** In place of `fleetctl ssh`: over the connection that the host keeps to the control plane, so it works behind NAT and needs no keys. */
export function execCommand(io: Io): Command {
  return withCluster(new Command('exec'))
    .summary('run a command on the host of a unit, as root')
    .argument('<unit>')
    .argument('<command...>', 'program and arguments; no shell, and no input')
    .passThroughOptions()
    .option('--host <name>', 'of a global unit: on which host')
    .addOption(timeOption('--timeout <time>', 'how long it may take', '1h'))
    .action(async (name: string, words: string[], options: Options) => {
      // Options of the command are the command's already: the -- that people put before it, as for kubectl, says nothing more.
      const command = words[0] === '--' ? words.slice(1) : words;
      const session = await openSession(io, options);
      const kube = await session.kube();
      const unit = unitName(name);
      const response = await askOfUnit(kube, unit, () =>
        kube.send({
          method: 'POST',
          path: kindPath(UNIT, { name: unit, subresource: 'exec' }),
          query: { host: options.host },
          body: { command, timeoutSeconds: options.timeout },
          accept: '*/*',
        }),
      );
      const read = execFrameReader();
      let end: ExecEnd | undefined;
      for await (const chunk of response)
        for (const frame of read(chunk as Uint8Array)) {
          if (frame.channel === 'end') end = frame.end;
          else await (frame.channel === 'stdout' ? io.out : io.err).write(frame.bytes);
        }
      if (!end)
        throw new CliError('the connection to the host broke off before the command ended', {
          code: 'broken_off',
          fix: `See whether it still runs: terrane unit status ${name}`,
        });
      if (end.error !== undefined) throw new CliError(end.error, { code: 'exec_failed' });
      if (end.exitCode !== 0)
        throw new CliError(`the command ended with code ${end.exitCode}`, { code: 'exit', exit: end.exitCode as ExitCode });
    });
}
