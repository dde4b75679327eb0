import { spawn } from 'node:child_process';
import { Command } from 'commander';
import { CliError, usageError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import { wholeNumber } from '../../options.ts';
import { type EndpointOptions, type Gateway, openGateway } from '../gateway.ts';
import { decode, encode } from '../keys.ts';
import { withEndpoint } from '../options.ts';
import { keepAliveOnce } from './lease.ts';

interface Options extends EndpointOptions {
  readonly ttl: number;
}

export function lockCommand(io: Io): Command {
  return withEndpoint(new Command('lock'))
    .summary('hold a lock until interrupted, or while a command runs')
    .description(
      'Waits for its turn, then prints the key that stands for it, or runs the command. The lock ends with it, or a while after this program dies.',
    )
    .argument('<name>')
    .argument('[command...]', 'run with ETCD_LOCK_KEY and ETCD_LOCK_REV set; it ends if the lock is lost')
    .option('--ttl <seconds>', 'how long after this program died the lock ends', wholeNumber, 10)
    .passThroughOptions()
    .action((name: string, words: string[], options: Options) => run(io, name, commandOf(words), options));
}

/** The -- that people put before the command, as for etcdctl, is no part of it. */
function commandOf(words: string[]): string[] {
  const [first] = words;
  if (first === '--') return words.slice(1);
  if (first?.startsWith('-')) throw usageError(`options go before the lock's name: ${first} would be taken for the command`);
  return words;
}

async function run(io: Io, name: string, command: string[], options: Options): Promise<void> {
  const gateway = await openGateway(io, options);
  const { ID: lease } = (await gateway.post('/v3/lease/grant', { TTL: String(options.ttl) })) as { ID: string };
  const end = new AbortController();
  const stop = () => end.abort();
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  const lost = keepAliveUntil(io, gateway, lease, options.ttl, end.signal);
  try {
    const locked = gateway.post('/v3/lock/lock', { name: encode(name), lease }, { patient: true });
    const held = await Promise.race([locked, lost, aborted(end.signal)]);
    if (!held) return;
    const key = decode(held.key as string).toString('utf8');
    const revision = String((held.header as { revision?: string } | undefined)?.revision ?? '');
    if (command.length === 0) {
      await line(io.out, key);
      await Promise.race([lost, aborted(end.signal)]);
    } else {
      const env = { ...io.env, ETCD_LOCK_KEY: key, ETCD_LOCK_REV: revision };
      const code = await Promise.race([runCommand(command, env, end.signal), lost]);
      if (code !== 0) throw new CliError(`${command[0]!} ended with exit code ${code}`);
    }
  } finally {
    end.abort();
    process.off('SIGINT', stop);
    process.off('SIGTERM', stop);
    await gateway.post('/v3/lease/revoke', { ID: lease }).catch(() => undefined);
  }
}

/** Rejects when the lease is lost; never resolves before `signal`. */
async function keepAliveUntil(io: Io, gateway: Gateway, lease: string, ttl: number, signal: AbortSignal): Promise<never> {
  for (let failures = 0; !signal.aborted; ) {
    await Promise.race([io.sleep((ttl * 1000) / 3), aborted(signal)]);
    if (signal.aborted) break;
    try {
      const answer = await keepAliveOnce(gateway, lease);
      if (Number(answer.TTL ?? 0) <= 0) throw new CliError('the lock was lost: its lease has expired');
      failures = 0;
    } catch (error) {
      // Two may get lost before the lease is over.
      if (++failures > 2) throw error;
    }
  }
  return new Promise(() => undefined);
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

function runCommand([file, ...args]: string[], env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(file!, args, { env, stdio: 'inherit' });
    signal.addEventListener('abort', () => child.kill('SIGTERM'), { once: true });
    child.once('error', (error) => reject(new CliError(`${file!} can't be run: ${error.message}`)));
    child.once('close', (code, killed) => resolve(code ?? (killed ? 1 : 0)));
  });
}
