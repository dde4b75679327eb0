import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { isPlainLoopback } from '../../../core/network/loopback.ts';
import { parseDuration } from '../../../core/resources/go-duration.ts';
import type { OfferedFile } from '../../../core/updates/omaha/parse-response.ts';
import { CliError, usageError } from '../../errors.ts';
import { type Io, line } from '../../io.ts';
import type { KubeObject } from '../../kube/client.ts';
import { UPDATE_CHANNEL, UPDATE_PACKAGE } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { printResult } from '../../output/print.ts';
import { openSession, type Session, type SessionOptions } from '../../session.ts';
import { download, type VerifiedFile } from '../../upstream/download.ts';
import { type Upstream, visit } from '../../upstream/omaha.ts';
import { patch } from './resource.ts';
import { type OfApplication, requireSameApplication } from './same-application.ts';
import { missingFiles, uploadPackage } from './upload.ts';

interface SyncOptions extends SessionOptions {
  readonly track: string;
  readonly application: string;
  readonly arch: 'amd64' | 'arm64';
  readonly promote?: string;
  readonly every?: string;
}

const EVERY_LEAST_MS = 60_000;

export function syncCommand(io: Io): Command {
  return withCluster(new Command('sync'))
    .summary('copy what an upstream server gives on a channel')
    .description(
      'Asks an Omaha server as a host would, and makes a package of what it offers, the files copied and their sums verified. What is there already is not copied again. No channel is changed unless --promote names one.',
    )
    .argument('<url>', 'of the upstream Omaha endpoint, such as https://public.update.flatcar-linux.net/v1/update/')
    .requiredOption('--track <name>', 'channel or group to ask for there')
    .option('--application <application>', 'what is updated', 'flatcar')
    .addOption(new Option('--arch <arch>', 'for which machines').choices(['amd64', 'arm64']).default('amd64'))
    .option('--promote <channel>', 'let this channel of ours name the package then')
    .option('--every <time>', 'go on, and look again so often, such as 1h')
    .action(async (url: string, options: SyncOptions) => {
      const everyMs = options.every === undefined ? undefined : parseDuration(options.every);
      if (options.every !== undefined && (everyMs === undefined || everyMs < EVERY_LEAST_MS))
        throw usageError('--every takes a time of at least 1m, such as 1h');
      const { application: appId, track, arch } = options;
      const upstream = { url: upstreamUrl(url), appId, track, arch };
      const session = await openSession(io, options);
      for (;;) {
        try {
          await sync(session, upstream, options.promote);
        } catch (error) {
          // The next look may go better; who runs this for good reads it in his logs.
          if (everyMs === undefined || !(error instanceof CliError)) throw error;
          await line(io.err, `${new Date(io.now()).toISOString()} ${error.message}`);
        }
        if (everyMs === undefined) return;
        await io.sleep(everyMs);
      }
    });
}

/** Sums come over this connection: whoever could change it could change them, too. */
function upstreamUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'https:' || isPlainLoopback(url))) return url;
  throw usageError(`${text} is not the https URL of an Omaha server`);
}

async function sync(session: Session, upstream: Upstream, channel: string | undefined): Promise<void> {
  const { io } = session;
  const kube = await session.kube();
  // Before anything is fetched, which may take long.
  if (channel !== undefined)
    requireSameApplication('what is copied', upstream.appId, await kube.get<OfApplication>(UPDATE_CHANNEL, { name: channel }));
  const found = await visit(upstream);
  const { status, check, version, codebases } = found.offer;
  if (status !== 'ok' || !['ok', 'noupdate'].includes(check))
    throw new CliError(`the upstream server answers ${status === 'ok' ? check || 'nothing' : status || 'nothing'}`, {
      fix: `Does it have ${upstream.appId} with the track ${upstream.track}?`,
    });
  if (check === 'noupdate') {
    const words = `the upstream server gives nothing on ${upstream.track} now`;
    return printResult(io, session.json, { package: null }, words);
  }
  const files = found.offer.files.map(requireSums);
  const name = packageName(upstream, version);
  const there = await kube.find<Existing>(UPDATE_PACKAGE, { name });
  const spec = { application: upstream.appId, version, arch: upstream.arch, files: files.map(described) };
  let [complete, done] = [false, false];
  try {
    if (there && sums(there.spec.files) !== sums(files))
      throw new CliError(`the package ${name} has other files than the upstream server offers under that version`, {
        code: 'exists',
        fix: `Nothing was changed. Find out which are right; then delete ours (terrane update package delete ${name}) or leave it.`,
      });
    // An upload that was cut short left a package without its files.
    complete = there !== undefined && (await missingFiles(kube, name, there)).length === 0;
    if (!complete) await copy(session, name, spec, files, codebases);
    done = true;
  } finally {
    await found.tell(done);
  }
  const changed = channel !== undefined && (await promote(session, channel, upstream.arch, name));
  const words = complete ? `package ${name} is there already` : `package ${name} copied`;
  await printResult(
    io,
    session.json,
    { package: name, version, copied: !complete, ...(channel !== undefined && { channel, promoted: changed }) },
    changed ? `${words}; channel ${channel} names it` : words,
  );
}

async function copy(
  session: Session,
  name: string,
  spec: Parameters<typeof uploadPackage>[2],
  files: readonly VerifiedFile[],
  codebases: readonly string[],
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'terrane-sync-'));
  try {
    const paths: string[] = [];
    for (const [index, file] of files.entries()) {
      if (!session.json) await line(session.io.err, `fetching ${file.name}, ${file.size} bytes`);
      paths.push(join(directory, String(index)));
      await download(codebases, file, paths.at(-1)!);
    }
    await uploadPackage(session, name, spec, paths);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function promote(session: Session, channel: string, arch: string, name: string): Promise<boolean> {
  const kube = await session.kube();
  const { spec } = await kube.get<KubeObject & { spec: { packages?: Record<string, string> } }>(UPDATE_CHANNEL, {
    name: channel,
  });
  if (spec.packages?.[arch] === name) return false;
  await patch(kube, UPDATE_CHANNEL, channel, { packages: { [arch]: name } });
  return true;
}

type Existing = KubeObject & { readonly spec: { readonly url?: string; readonly files: readonly { readonly sha256: string }[] } };

const sums = (files: Existing['spec']['files']): string => files.map(({ sha256 }) => sha256).join();
const described = ({ name, size, sha256, sha1 }: VerifiedFile) => ({ name, size, sha256, ...(sha1 !== undefined && { sha1 }) });

function requireSums(file: OfferedFile): VerifiedFile {
  const { sha256 } = file;
  if (sha256 !== undefined && /^[0-9A-Za-z_][0-9A-Za-z._+-]{0,199}$/.test(file.name)) return { ...file, sha256 };
  throw new CliError(`the upstream server offers ${file.name || 'a file without a name'} without a SHA-256 to verify it by`, {
    code: 'not_verified',
    fix: 'Only what can be verified is copied.',
  });
}

/** One name a version, so that a second look finds it. */
function packageName({ appId, arch }: Upstream, version: string): string {
  const plain = `${appId}-${version}`
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return arch === 'amd64' ? plain : `${plain}-${arch}`;
}
