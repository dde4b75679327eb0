import { Command } from 'commander';
import { type Io, line } from '../../io.ts';
import { type EndpointOptions, openGateway } from '../gateway.ts';
import { encode } from '../keys.ts';
import { leaseId } from '../lease-id.ts';
import { withEndpoint } from '../options.ts';
import { printAnswer, printKeyValue } from '../print.ts';

interface Options extends EndpointOptions {
  readonly lease?: string;
  readonly prevKv?: boolean;
  readonly ignoreValue?: boolean;
  readonly ignoreLease?: boolean;
}

export function putKeyCommand(io: Io): Command {
  return withEndpoint(new Command('put'))
    .summary('set a key')
    .argument('<key>')
    .argument('[value]', 'read from standard input if it is left out')
    .option('--lease <id>', 'ends with this lease (hexadecimal, from `terrane kv lease grant`)', leaseId)
    .option('--prev-kv', 'print what it was before')
    .option('--ignore-value', 'keep the value, change the lease')
    .option('--ignore-lease', 'keep the lease, change the value')
    .action((key: string, value: string | undefined, options: Options) => run(io, key, value, options));
}

async function run(io: Io, key: string, given: string | undefined, options: Options): Promise<void> {
  const { lease, prevKv, ignoreValue, ignoreLease, json } = options;
  const gateway = await openGateway(io, options);
  const value = ignoreValue ? '' : (given ?? (await io.input.readAll()));
  const answer = await gateway.post('/v3/kv/put', {
    key: encode(key),
    value: encode(value),
    ...(lease ? { lease } : {}),
    ...(prevKv ? { prev_kv: true } : {}),
    ...(ignoreValue ? { ignore_value: true } : {}),
    ...(ignoreLease ? { ignore_lease: true } : {}),
  });
  if (json) return printAnswer(io, answer);
  await line(io.out, 'OK');
  if (answer.prev_kv) await printKeyValue(io, answer.prev_kv as object);
}
