import { Command, Option } from 'commander';
import { JOURNAL_OUTPUTS, type JournalOutput } from '../../../core/node/push.ts';
import { type Io, line } from '../../io.ts';
import { kindPath } from '../../kube/client.ts';
import { UNIT } from '../../kube/kinds.ts';
import { lines } from '../../kube/lines.ts';
import { timeSpan, wholeNumber, withCluster } from '../../options.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { askOfUnit, unitName } from '../../unit/units.ts';

interface Options extends SessionOptions {
  readonly follow?: boolean;
  readonly lines: number;
  /** Seconds. */
  readonly since?: number;
  readonly output: JournalOutput;
  readonly host?: string;
}

export function journalCommand(io: Io): Command {
  return withCluster(new Command('journal'))
    .summary('what a unit has written to the journal of its host')
    .argument('<unit>')
    .option('-f, --follow', 'go on as more comes')
    .option('--lines <n>', 'only the last lines', wholeNumber, 10)
    .option('--since <time>', 'only of the last 10m, 2h, ...', timeSpan)
    .addOption(new Option('--output <format>', "journalctl's").choices(JOURNAL_OUTPUTS).default('short'))
    .option('--host <name>', 'of a global unit: on which host')
    .action(async (name: string, options: Options) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const { follow, host, since } = options;
      const query = {
        follow,
        host,
        lines: options.lines,
        output: options.output,
        ...(since !== undefined && { since: new Date(io.now() - since * 1000).toISOString() }),
      };
      const unit = unitName(name);
      const path = kindPath(UNIT, { name: unit, subresource: 'journal' });
      const response = await askOfUnit(kube, unit, () => kube.send({ path, query, accept: '*/*' }));
      if (session.json) for await (const text of lines(response)) await line(io.out, JSON.stringify({ unit, line: text }));
      else for await (const chunk of response) await io.out.write(chunk as Uint8Array);
    });
}
