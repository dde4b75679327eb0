import { Command } from 'commander';
import { type Context, readConfig, writeConfig } from '../config/config.ts';
import { configPath } from '../config/paths.ts';
import { usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';

export function contextCommand(io: Io): Command {
  return new Command('context')
    .summary('the control planes you have logged in to')
    .addCommand(
      new Command('list')
        .alias('ls')
        .summary('list contexts; * is the current one')
        .action((options: { json?: boolean }) => list(io, options.json ?? false)),
    )
    .addCommand(
      new Command('use')
        .summary('make a context the current one')
        .argument('<name>')
        .action((name: string, options: { json?: boolean }) => use(io, name, options.json ?? false)),
    );
}

async function list(io: Io, json: boolean): Promise<void> {
  const { current, contexts } = await readConfig(configPath(io.env));
  const rows = Object.entries(contexts).map(([name, context]) => ({ name, ...shown(context), current: name === current }));
  if (json) return printJson(io, { contexts: rows });
  if (rows.length === 0) return line(io.err, 'no context yet: terrane signup or terrane login');
  return printTable(
    io,
    [
      { title: 'NAME', value: ({ name }) => name },
      { title: 'CURRENT', value: ({ current }) => (current ? '*' : '') },
      { title: 'SERVER', value: ({ server }) => server },
      { title: 'ORGANISATION', value: ({ organisation }) => organisation },
      { title: 'EMAIL', value: ({ email }) => email },
      { title: 'CLUSTER', value: ({ cluster }) => cluster },
    ],
    rows,
  );
}

/** Without the token. */
function shown({ server, organisation, email, cluster, token }: Context) {
  return { server, organisation, email, cluster: cluster?.name, loggedIn: token !== undefined };
}

async function use(io: Io, name: string, json: boolean): Promise<void> {
  const path = configPath(io.env);
  const config = await readConfig(path);
  const context = config.contexts[name];
  if (!context) throw usageError(`there is no context ${name}`, 'See: terrane context list');
  await writeConfig(path, { ...config, current: name });
  await printResult(io, json, { name, ...shown(context) }, `Commands go to ${context.server} from now on.`);
}
