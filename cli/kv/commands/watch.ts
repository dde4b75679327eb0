import { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { wholeNumber } from '../../options.ts';
import { type Answer, type EndpointOptions, openGateway } from '../gateway.ts';
import { keyRange, type RangeOptions } from '../keys.ts';
import { withEndpoint, withRange } from '../options.ts';
import { type KeyValueJson, printAnswer, printKeyValue } from '../print.ts';

interface Options extends EndpointOptions, RangeOptions {
  readonly rev?: number;
  readonly prevKv?: boolean;
}

export function watchKeysCommand(io: Io): Command {
  return withRange(withEndpoint(new Command('watch')))
    .summary('print changes as they happen')
    .argument('<key>')
    .argument('[range-end]', 'all keys from <key> up to this one, without it')
    .option('--rev <n>', 'from this revision on', wholeNumber)
    .option('--prev-kv', 'print what was there before')
    .action((key: string, end: string | undefined, options: Options) => run(io, key, end, options));
}

interface EventJson {
  readonly type?: 'PUT' | 'DELETE';
  readonly kv?: KeyValueJson;
  readonly prev_kv?: KeyValueJson;
}

async function run(io: Io, key: string, end: string | undefined, options: Options): Promise<void> {
  const gateway = await openGateway(io, options);
  const create_request = {
    ...keyRange(key, end, options),
    ...(options.rev ? { start_revision: String(options.rev) } : {}),
    ...(options.prevKv ? { prev_kv: true } : {}),
  };
  for await (const answer of gateway.stream('/v3/watch', { create_request })) {
    if (answer.canceled) throw cancelled(answer);
    if (!answer.events) continue;
    if (options.json) await printAnswer(io, answer);
    else for (const event of answer.events as EventJson[]) await print(io, event);
  }
}

async function print(io: Io, { type = 'PUT', kv = {}, prev_kv: before }: EventJson): Promise<void> {
  await line(io.out, type);
  if (before) await printKeyValue(io, before);
  await printKeyValue(io, kv);
}

function cancelled({ compact_revision: compacted, cancel_reason: reason }: Answer): CliError {
  if (compacted) {
    return new CliError('what happened then is no longer kept', {
      fix: `The oldest revision to watch from is ${String(compacted)}: --rev ${String(compacted)}`,
    });
  }
  return new CliError(String(reason ?? 'the watch was cancelled'));
}
