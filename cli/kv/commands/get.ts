import { Command, Option } from 'commander';
import { type Io, line } from '../../io.ts';
import { wholeNumber } from '../../options.ts';
import { type EndpointOptions, openGateway } from '../gateway.ts';
import { keyRange, type RangeOptions } from '../keys.ts';
import { withEndpoint, withRange } from '../options.ts';
import { type KeyValueJson, printAnswer, printKeyValue } from '../print.ts';

interface Options extends EndpointOptions, RangeOptions {
  readonly rev?: number;
  readonly limit?: number;
  readonly sortBy?: string;
  readonly order?: string;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  readonly printValueOnly?: boolean;
  readonly consistency: 'l' | 's';
}

const TARGETS: Readonly<Record<string, string>> = {
  KEY: 'KEY',
  VERSION: 'VERSION',
  CREATE: 'CREATE',
  MODIFY: 'MOD',
  VALUE: 'VALUE',
};

export function getKeysCommand(io: Io): Command {
  return withRange(withEndpoint(new Command('get')))
    .summary('a key, or a range of them')
    .argument('<key>')
    .argument('[range-end]', 'all keys from <key> up to this one, without it')
    .option('--rev <n>', 'as of an older revision', wholeNumber)
    .option('--limit <n>', 'at most so many', wholeNumber)
    .addOption(new Option('--sort-by <field>', 'order by it').choices(Object.keys(TARGETS)))
    .addOption(new Option('--order <order>', 'which way').choices(['ASCEND', 'DESCEND']))
    .option('--keys-only', 'no values')
    .option('--count-only', 'only how many')
    .option('--print-value-only', 'no keys')
    .addOption(
      new Option(
        '--consistency <c>',
        'l: sees every write that was acknowledged; s: may be older, and works while the control plane is away',
      )
        .choices(['l', 's'])
        .default('l'),
    )
    .action((key: string, end: string | undefined, options: Options) => run(io, key, end, options));
}

async function run(io: Io, key: string, end: string | undefined, options: Options): Promise<void> {
  const { rev, limit, sortBy, order, keysOnly, countOnly, printValueOnly, consistency, json } = options;
  const gateway = await openGateway(io, options);
  const answer = await gateway.post('/v3/kv/range', {
    ...keyRange(key, end, options),
    ...(rev ? { revision: String(rev) } : {}),
    ...(limit ? { limit: String(limit) } : {}),
    ...(sortBy ? { sort_target: TARGETS[sortBy] } : {}),
    ...(order ? { sort_order: order } : sortBy ? { sort_order: 'ASCEND' } : {}),
    ...(keysOnly ? { keys_only: true } : {}),
    ...(countOnly ? { count_only: true } : {}),
    ...(consistency === 's' ? { serializable: true } : {}),
  });
  if (json) return printAnswer(io, answer);
  if (countOnly) return line(io.out, String(answer.count ?? 0));
  for (const kv of (answer.kvs ?? []) as KeyValueJson[]) {
    await printKeyValue(io, kv, { keyToo: !printValueOnly, valueToo: true });
  }
}
