import { Command } from 'commander';
import { CliError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { wholeNumber } from '../../options.ts';
import { type Answer, type EndpointOptions, type Gateway, openGateway } from '../gateway.ts';
import { decode } from '../keys.ts';
import { leaseId } from '../lease-id.ts';
import { withEndpoint } from '../options.ts';
import { leaseText, printAnswer } from '../print.ts';

export function leaseCommand(io: Io): Command {
  return new Command('lease')
    .summary('leases: keys that end unless they are kept alive')
    .addCommand(grant(io))
    .addCommand(revoke(io))
    .addCommand(timeToLive(io))
    .addCommand(list(io))
    .addCommand(keepAlive(io));
}

function grant(io: Io): Command {
  return withEndpoint(new Command('grant'))
    .summary('a new lease')
    .argument('<seconds>', 'how long it lasts unless it is kept alive', wholeNumber)
    .action(async (seconds: number, options: EndpointOptions) => {
      const gateway = await openGateway(io, options);
      const answer = await gateway.post('/v3/lease/grant', { TTL: String(seconds) });
      if (options.json) return printAnswer(io, answer);
      await line(io.out, `lease ${leaseText(answer.ID as string)} granted with TTL(${String(answer.TTL ?? 0)}s)`);
    });
}

function revoke(io: Io): Command {
  return withEndpoint(new Command('revoke'))
    .summary('end a lease and delete its keys')
    .argument('<id>', 'hexadecimal', leaseId)
    .action(async (id: string, options: EndpointOptions) => {
      const gateway = await openGateway(io, options);
      const answer = await gateway.post('/v3/lease/revoke', { ID: id });
      if (options.json) return printAnswer(io, answer);
      await line(io.out, `lease ${leaseText(id)} revoked`);
    });
}

function timeToLive(io: Io): Command {
  return withEndpoint(new Command('timetolive'))
    .summary('how long a lease still has')
    .argument('<id>', 'hexadecimal', leaseId)
    .option('--keys', 'and which keys it has')
    .action(async (id: string, options: EndpointOptions & { keys?: boolean }) => {
      const gateway = await openGateway(io, options);
      const answer = await gateway.post('/v3/lease/timetolive', { ID: id, ...(options.keys ? { keys: true } : {}) });
      if (options.json) return printAnswer(io, answer);
      if (Number(answer.TTL ?? 0) < 0) return line(io.out, `lease ${leaseText(id)} already expired`);
      const { grantedTTL = '0', TTL = '0', keys = [] } = answer as { grantedTTL?: string; TTL?: string; keys?: string[] };
      const attached = options.keys ? `, attached keys([${keys.map((key) => decode(key).toString('utf8')).join(' ')}])` : '';
      await line(io.out, `lease ${leaseText(id)} granted with TTL(${grantedTTL}s), remaining(${TTL}s)${attached}`);
    });
}

function list(io: Io): Command {
  return withEndpoint(new Command('list'))
    .summary('all leases')
    .action(async (options: EndpointOptions) => {
      const gateway = await openGateway(io, options);
      const answer = await gateway.post('/v3/lease/leases', {});
      if (options.json) return printAnswer(io, answer);
      const leases = (answer.leases ?? []) as { ID: string }[];
      await line(io.out, `found ${leases.length} leases`);
      for (const { ID } of leases) await line(io.out, leaseText(ID));
    });
}

function keepAlive(io: Io): Command {
  return withEndpoint(new Command('keep-alive'))
    .summary('keep a lease alive until it is interrupted')
    .argument('<id>', 'hexadecimal', leaseId)
    .option('--once', 'only one time')
    .action(async (id: string, options: EndpointOptions & { once?: boolean }) => {
      const gateway = await openGateway(io, options);
      for (;;) {
        const answer = await keepAliveOnce(gateway, id);
        const ttl = Number(answer.TTL ?? 0);
        if (ttl <= 0) throw new CliError(`lease ${leaseText(id)} expired or revoked.`);
        if (options.json) await printAnswer(io, answer);
        else await line(io.out, `lease ${leaseText(id)} keepalived with TTL(${ttl})`);
        if (options.once) return;
        await io.sleep((ttl * 1000) / 3);
      }
    });
}

/** The answer's `TTL` is missing when the lease is gone. */
export async function keepAliveOnce(gateway: Gateway, id: string): Promise<Answer> {
  for await (const answer of gateway.stream('/v3/lease/keepalive', { ID: id })) return answer;
  throw new CliError('the answer to a keep-alive is missing');
}
