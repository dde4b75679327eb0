import { Command } from 'commander';
import { type Io, line } from '../../io.ts';
import { type EndpointOptions, openGateway } from '../gateway.ts';
import { keyRange, type RangeOptions } from '../keys.ts';
import { withEndpoint, withRange } from '../options.ts';
import { type KeyValueJson, printAnswer, printKeyValue } from '../print.ts';

interface Options extends EndpointOptions, RangeOptions {
  readonly prevKv?: boolean;
}

export function deleteKeysCommand(io: Io): Command {
  return withRange(withEndpoint(new Command('del')))
    .summary('delete a key, or a range of them; prints how many there were')
    .argument('<key>')
    .argument('[range-end]', 'all keys from <key> up to this one, without it')
    .option('--prev-kv', 'print what was deleted')
    .action(async (key: string, end: string | undefined, options: Options) => {
      const gateway = await openGateway(io, options);
      const range = keyRange(key, end, options);
      const answer = await gateway.post('/v3/kv/deleterange', { ...range, ...(options.prevKv ? { prev_kv: true } : {}) });
      if (options.json) return printAnswer(io, answer);
      await line(io.out, String(answer.deleted ?? 0));
      for (const kv of (answer.prev_kvs ?? []) as KeyValueJson[]) await printKeyValue(io, kv);
    });
}
