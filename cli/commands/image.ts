import { Command } from 'commander';
import type { RepositoryView } from '../../core/accounts/api.ts';
import type {
  ImageCredentials,
  ImagePage,
  RepositorySettings,
  ScanReport,
  StoredImage,
} from '../../core/ports/image-registry.ts';
import { confirm } from '../confirm.ts';
import { usageError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { wholeNumber, withSession } from '../options.ts';
import { ageOf, timeLeft } from '../output/age.ts';
import { note, printJson, printResult } from '../output/print.ts';
import { printTable } from '../output/table.ts';
import { openSession, type Session, type SessionOptions } from '../session.ts';

export function imageCommand(io: Io): Command {
  return new Command('image')
    .summary("the organisation's image repositories")
    .addCommand(listCommand(io))
    .addCommand(createCommand(io))
    .addCommand(configureCommand(io))
    .addCommand(deleteCommand(io))
    .addCommand(tagsCommand(io))
    .addCommand(untagCommand(io))
    .addCommand(scanCommand(io))
    .addCommand(credentialsCommand(io));
}

const pathOf = (name: string, ...rest: string[]) => ['/v1/repositories', ...[name, ...rest].map(encodeURIComponent)].join('/');

function listCommand(io: Io): Command {
  return withSession(new Command('list'))
    .alias('ls')
    .summary('list repositories')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const answer = await session.http.json<{ repositories: readonly RepositoryView[] }>({ path: '/v1/repositories' });
      if (session.json) return printJson(io, answer);
      if (answer.repositories.length === 0) return line(io.err, 'no repositories yet: terrane image create NAME');
      return printTable<RepositoryView>(
        io,
        [
          { title: 'NAME', value: ({ name }) => name },
          { title: 'TAGS', value: ({ immutableTags }) => (immutableTags ? 'immutable' : 'mutable') },
          { title: 'KEEPS', value: ({ retention }) => keeps(retention) },
          { title: 'AGE', value: ({ createdAt }) => ageOf(createdAt, io.now()) },
          { title: 'IMAGE', value: ({ image }) => image },
        ],
        answer.repositories,
      );
    });
}

function keeps({ untaggedDays, keepLast }: RepositoryView['retention']): string {
  const parts = [
    ...(keepLast === undefined ? [] : [`newest ${keepLast}`]),
    ...(untaggedDays === undefined ? [] : [`untagged ${untaggedDays}d`]),
  ];
  return parts.join(', ') || 'all';
}

interface SettingOptions extends SessionOptions {
  readonly immutable?: boolean;
  readonly mutable?: boolean;
  readonly keep?: number;
  readonly untaggedDays?: number;
  readonly keepAll?: boolean;
}

function withSettings(command: Command): Command {
  return withSession(command)
    .argument('<name>', 'lower-case letters, digits, dots, dashes')
    .option('--immutable', "a pushed tag can't be moved")
    .option('--keep <n>', 'only the newest n images stay', wholeNumber)
    .option('--untagged-days <n>', 'images without a tag go after n days', wholeNumber);
}

function settingsOf({ immutable, mutable, keep, untaggedDays, keepAll }: SettingOptions): RepositorySettings {
  if (immutable && mutable) throw usageError('--immutable and --mutable contradict each other');
  if (keepAll && (keep !== undefined || untaggedDays !== undefined)) throw usageError('--keep-all stands alone');
  const retention = {
    ...(keep !== undefined && { keepLast: keep }),
    ...(untaggedDays !== undefined && { untaggedDays }),
  };
  return {
    ...((immutable ?? mutable) && { immutableTags: immutable ?? false }),
    ...((keepAll || Object.keys(retention).length > 0) && { retention }),
  };
}

function createCommand(io: Io): Command {
  return withSettings(new Command('create'))
    .summary('make a repository to push images to')
    .action(async (name: string, options: SettingOptions) => {
      const body = { name, ...settingsOf(options) };
      const session = await openSession(io, options);
      const made = await session.http.json<RepositoryView>({ method: 'POST', path: '/v1/repositories', body });
      await printResult(io, session.json, made, made.image);
      await note(
        io,
        session.json,
        `Log in to push: terrane image credentials --push --docker; then docker push ${made.image}:TAG`,
      );
    });
}

function configureCommand(io: Io): Command {
  return withSettings(new Command('configure'))
    .summary('change what a repository keeps, and whether its tags can move')
    .option('--mutable', 'tags can be moved again')
    .option('--keep-all', 'no image goes by itself')
    .action(async (name: string, options: SettingOptions) => {
      const body = settingsOf(options);
      if (Object.keys(body).length === 0) throw usageError('nothing to change', 'Give at least one of the options; see --help.');
      const session = await openSession(io, options);
      const now = await session.http.json<RepositoryView>({ method: 'PATCH', path: pathOf(name), body });
      await printResult(
        io,
        session.json,
        now,
        `${name}: tags ${now.immutableTags ? 'immutable' : 'mutable'}, keeps ${keeps(now.retention)}`,
      );
    });
}

function deleteCommand(io: Io): Command {
  return withSession(new Command('delete'))
    .alias('rm')
    .summary('delete a repository')
    .argument('<name>')
    .option('--force', 'with all its images')
    .option('-y, --yes', "don't ask")
    .action(async (name: string, options: SessionOptions & { force?: boolean; yes?: boolean }) => {
      const session = await openSession(io, options);
      await confirm(io, `Delete the repository ${name}${options.force ? ' and all its images' : ''}?`, options.yes);
      const query = options.force ? { force: 'true' } : {};
      await session.http.json({ method: 'DELETE', path: pathOf(name), query });
      await printResult(io, session.json, { deleted: name }, `${name} deleted`);
    });
}

async function allImages(session: Session, name: string): Promise<StoredImage[]> {
  const all: StoredImage[] = [];
  let next: string | undefined;
  do {
    const query: Record<string, string> = next === undefined ? {} : { next };
    const page = await session.http.json<ImagePage>({ path: pathOf(name, 'images'), query });
    all.push(...page.images);
    ({ next } = page);
  } while (next !== undefined);
  return all.sort((a, b) => b.pushedAt - a.pushedAt);
}

function tagsCommand(io: Io): Command {
  return withSession(new Command('tags'))
    .summary('list the images of a repository, the newest first')
    .argument('<name>')
    .action(async (name: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const images = await allImages(session, name);
      if (session.json) return printJson(io, { images });
      if (images.length === 0) return line(io.err, 'no images yet');
      return printTable<StoredImage>(
        io,
        [
          { title: 'TAGS', value: ({ tags }) => tags.join(',') || undefined },
          { title: 'SIZE', value: ({ sizeBytes }) => `${(sizeBytes / 1e6).toFixed(1)} MB` },
          { title: 'PUSHED', value: ({ pushedAt }) => ageOf(pushedAt, io.now()) },
          { title: 'DIGEST', value: ({ digest }) => digest },
        ],
        images,
      );
    });
}

/** `web:v1`, `web@sha256:…` */
function split(image: string): [string, string] {
  const match = /^([^:@/]+)(?:@|:)(.+)$/.exec(image);
  if (!match) throw usageError(`${image}: expected NAME:TAG or NAME@sha256:…`);
  return [match[1]!, match[2]!];
}

function untagCommand(io: Io): Command {
  return withSession(new Command('delete-image'))
    .summary('delete a tag (NAME:TAG) or an image with all its tags (NAME@sha256:…)')
    .argument('<image>')
    .option('-y, --yes', "don't ask")
    .action(async (image: string, options: SessionOptions & { yes?: boolean }) => {
      const [name, reference] = split(image);
      const session = await openSession(io, options);
      await confirm(io, `Delete ${image}?`, options.yes);
      await session.http.json({ method: 'DELETE', path: pathOf(name, 'images', reference) });
      await printResult(io, session.json, { deleted: image }, `${image} deleted`);
    });
}

function scanCommand(io: Io): Command {
  return withSession(new Command('scan'))
    .summary('what a scan found in an image (NAME:TAG)')
    .argument('<image>')
    .action(async (image: string, options: SessionOptions) => {
      const [name, reference] = split(image);
      const session = await openSession(io, options);
      const report = await session.http.json<ScanReport>({ path: pathOf(name, 'images', reference, 'scan') });
      if (session.json) return printJson(io, report);
      if (report.status !== 'complete') return line(io.err, `${image}: ${SCANS[report.status]}`);
      const counts = Object.entries(report.counts).map(([severity, count]) => `${count} ${severity}`);
      await line(io.err, `${image}: ${counts.join(', ') || 'nothing found'}`);
      if (report.findings.length === 0) return;
      return printTable<ScanReport['findings'][number]>(
        io,
        [
          { title: 'SEVERITY', value: ({ severity }) => severity },
          { title: 'NAME', value: (finding) => finding.name },
          { title: 'PACKAGE', value: (finding) => finding.package },
          { title: 'VERSION', value: ({ version }) => version },
        ],
        report.findings,
      );
    });
}

const SCANS = {
  pending: 'the scan is not over yet',
  failed: 'the scan failed: the image may be of a system that is not supported',
  none: 'it was not scanned',
};

function credentialsCommand(io: Io): Command {
  return withSession(new Command('credentials'))
    .summary('what docker, podman or skopeo log in with, for some hours')
    .description(
      'Prints the password. With --docker, the command that logs docker in:\n  eval "$(terrane image credentials --push --docker)"\nHosts of your clusters need none of this: they get theirs by themselves.',
    )
    .option('--push', 'to push as well (editors)')
    .option('--docker', 'print a docker login command')
    .action(async (options: SessionOptions & { push?: boolean; docker?: boolean }) => {
      const session = await openSession(io, options);
      const body = { access: options.push ? 'push' : 'pull' };
      type Answer = ImageCredentials & { readonly prefix: string };
      const given = await session.http.json<Answer>({ method: 'POST', path: '/v1/repositories/credentials', body });
      const { registry, username, password, expiresAt } = given;
      if (session.json) return printJson(io, given);
      if (options.docker)
        return line(
          io.out,
          `printf %s ${quoted(password)} | docker login --username ${quoted(username)} --password-stdin ${quoted(registry)}`,
        );
      await line(io.out, password);
      return note(
        io,
        false,
        `User ${username} at ${registry}, for ${timeLeft(expiresAt, io.now())}. Images begin with ${given.prefix}`,
      );
    });
}

/** One word to a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
