import { Command } from 'commander';
import { type Io, line } from '../../io.ts';
import { type Answer, type EndpointOptions, openGateway } from '../gateway.ts';
import { withEndpoint } from '../options.ts';
import { type KeyValueJson, printAnswer, printKeyValue } from '../print.ts';
import { parseTxn } from '../txn-text.ts';

export function txnCommand(io: Io): Command {
  return withEndpoint(new Command('txn'))
    .summary('a transaction, read from standard input as etcdctl does')
    .description(
      'Reads from standard input: comparisons, an empty line, requests if they all hold, an empty line, requests if not. For example:\n\n' +
        '  mod("a") = "0"\n\n  put a "first"\n\n  get a',
    )
    .action(async (options: EndpointOptions) => {
      const txn = parseTxn(await io.input.readAll());
      const gateway = await openGateway(io, options);
      const answer = await gateway.post('/v3/kv/txn', txn);
      if (options.json) return printAnswer(io, answer);
      await line(io.out, answer.succeeded ? 'SUCCESS' : 'FAILURE');
      for (const response of (answer.responses ?? []) as Answer[]) await print(io, response);
    });
}

async function print(io: Io, response: Answer): Promise<void> {
  await line(io.out);
  const { response_range: range, response_delete_range: deleted } = response;
  if (range) for (const kv of ((range as Answer).kvs ?? []) as KeyValueJson[]) await printKeyValue(io, kv);
  else if (deleted) await line(io.out, String((deleted as Answer).deleted ?? 0));
  else await line(io.out, 'OK');
}
