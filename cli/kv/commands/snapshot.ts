import { createHash } from 'node:crypto';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { CliError, usageError } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { wholeNumber } from '../../options.ts';
import { printResult } from '../../output/print.ts';
import { type EndpointOptions, type Gateway, openGateway } from '../gateway.ts';
import { decode } from '../keys.ts';
import { withEndpoint } from '../options.ts';

export function snapshotCommand(io: Io): Command {
  return new Command('snapshot').summary('copies of the store as files').addCommand(save(io)).addCommand(restore(io));
}

/** By which a file says that it is whole (docs/etcd-snapshot.md). */
const [BLOCK_BYTES, SUM_BYTES] = [512, 32];

function save(io: Io): Command {
  return withEndpoint(new Command('save'))
    .summary('save all keys as they are now, leases, users and roles to a file')
    .argument('<file>')
    .action(async (path: string, options: EndpointOptions) => {
      const { bytes, sequence } = await download(await openGateway(io, options), path);
      const after = sequence === undefined ? '' : `, as of commit ${sequence}`;
      await printResult(io, options.json ?? false, { file: path, bytes, sequence }, `Saved ${bytes} bytes to ${path}${after}.`);
    });
}

/** Under another name until it is whole. */
async function download(gateway: Gateway, path: string): Promise<{ bytes: number; sequence: number | undefined }> {
  const partial = `${path}.part`;
  const file = await open(partial, 'w', 0o600).catch((error: Error) => {
    throw new CliError(`${path} can't be written: ${error.message}`);
  });
  try {
    let total = 0;
    let title = '';
    const sum = createHash('sha256');
    let end = Buffer.alloc(0);
    for await (const { blob } of gateway.stream('/v3/maintenance/snapshot', {})) {
      const bytes = decode(blob as string | undefined);
      title ||= bytes.toString('latin1', 0, 100);
      await file.writeFile(bytes);
      total += bytes.length;
      // The checksum at the end is not part of what it sums up.
      const seen = Buffer.concat([end, bytes]);
      end = seen.subarray(-SUM_BYTES);
      sum.update(seen.subarray(0, seen.length - end.length));
    }
    if (total % BLOCK_BYTES !== SUM_BYTES || !sum.digest().equals(end)) {
      throw new CliError('the snapshot broke off: it is not whole', { fix: 'Try again.' });
    }
    await file.sync();
    await file.close();
    await rename(partial, path);
    const sequence = /^terrane-kv-snapshot 1 (\d+)\n/.exec(title)?.[1];
    return { bytes: total, sequence: sequence === undefined ? undefined : Number(sequence) };
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(partial, { force: true });
    throw error;
  }
}

interface RestoreOptions extends EndpointOptions {
  readonly sequence?: number;
  readonly yes?: boolean;
}

function restore(io: Io): Command {
  return withEndpoint(new Command('restore'))
    .summary("replace the store's keys by those of a file, or by how they were before")
    .description(
      'Replaces all keys by those of a file that `snapshot save` made. With --sequence as they were after that commit: of the log, as far as it goes back, or of what followed the file. Restored keys are changes like others: watchers see them, and revisions go on. Prints the commit before, by which it can be undone.',
    )
    .argument('[file]')
    .option('--sequence <n>', 'how it was after this commit', wholeNumber)
    .option('-y, --yes', "don't ask")
    .action(async (path: string | undefined, options: RestoreOptions) => {
      const { sequence, yes, json = false } = options;
      if (path === undefined && sequence === undefined) throw usageError('say what to restore: FILE, or --sequence N');
      if (options.host || options.endpoint)
        throw usageError('a snapshot is restored by the control plane: leave out --host and --endpoint');
      const body = path === undefined ? new Uint8Array(0) : await read(path);
      const gateway = await openGateway(io, options);
      await confirm(io, 'Replace all keys of the store?', yes);
      const answer = await gateway.post('/restore', body, { patient: true, query: { sequence } });
      const { keys, before, revision } = answer as { keys: number; before: number; revision: string };
      await printResult(
        io,
        json,
        answer,
        `Restored ${keys} keys, at revision ${revision}. To undo it: terrane kv snapshot restore --sequence ${before}`,
      );
    });
}

async function read(path: string): Promise<Uint8Array> {
  return readFile(path).catch((error: Error) => {
    throw new CliError(`${path} can't be read: ${error.message}`);
  });
}
