import { Command } from 'commander';
import { type Io, line } from '../../io.ts';
import { printJson } from '../../output/print.ts';
import { HOST_ENDPOINT } from '../gateway.ts';

interface Options {
  readonly endpoint?: string;
  readonly json?: boolean;
}

/** Says where etcdctl finds the store on this host. */
export function shellEnvCommand(io: Io): Command {
  return new Command('shell-env')
    .summary('lines that point etcdctl to the endpoint of this host: eval "$(terrane kv shell-env)"')
    .option('--endpoint <url>', `another one than ${HOST_ENDPOINT}`)
    .action(async ({ endpoint = HOST_ENDPOINT, json }: Options) => {
      const variables = { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: endpoint };
      if (json) return printJson(io, variables);
      for (const [name, value] of Object.entries(variables)) await line(io.out, `export ${name}=${quoted(value)}`);
    });
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
