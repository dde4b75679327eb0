import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { Command, Option } from 'commander';
import { CliError } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { kindPath, type KubeObject } from '../../kube/client.ts';
import { UPDATE_PACKAGE } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { printResult } from '../../output/print.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { deleteOf, listOf } from './resource.ts';
import { uploadPackage } from './upload.ts';

interface PackageOptions extends SessionOptions {
  readonly application: string;
  readonly release: string;
  readonly arch: string;
}

interface CreateOptions extends PackageOptions {
  readonly url: string;
}

export function packageCommand(io: Io): Command {
  return new Command('package')
    .summary('versions that hosts can be given')
    .addCommand(listOf(io, UPDATE_PACKAGE))
    .addCommand(createCommand(io))
    .addCommand(uploadCommand(io))
    .addCommand(deleteOf(io, UPDATE_PACKAGE));
}

function createCommand(io: Io): Command {
  return withCluster(new Command('create'))
    .summary('make a package of files that hosts will download')
    .description(
      'Reads the files here for their sizes and sums, the payload first. They are not uploaded: hosts download them from --url, each under its own name.',
    )
    .argument('<name>')
    .argument('<file...>')
    .requiredOption('--release <version>', 'the version that it brings')
    .requiredOption('--url <url>', 'folder that hosts find the files in')
    .option('--application <application>', 'what is updated', 'flatcar')
    .addOption(new Option('--arch <arch>', 'for which machines').choices(['amd64', 'arm64', 'all']).default('amd64'))
    .action(async (name: string, paths: readonly string[], options: CreateOptions) => {
      const session = await openSession(io, options);
      const files = [];
      for (const path of paths) files.push(await described(path));
      const { application, release: version, arch, url } = options;
      const kube = await session.kube();
      const made = await kube.json<KubeObject>({
        method: 'POST',
        path: kindPath(UPDATE_PACKAGE, {}),
        body: {
          apiVersion: 'terrane.dev/v1',
          kind: 'UpdatePackage',
          metadata: { name },
          spec: { application, version, arch, url, files },
        },
      });
      await printResult(
        io,
        session.json,
        made,
        `package ${name} created. Give it to a channel: terrane update channel promote CHANNEL ${name}`,
      );
    });
}

/** The package first: it says which bytes the server is to expect. The same command again goes on where it was cut short. */
function uploadCommand(io: Io): Command {
  return withCluster(new Command('upload'))
    .summary('make a package of files that lie with Terrane')
    .description(
      'As create, but the files are uploaded, the payload first: hosts get them by signed URLs. Again with the same files it goes on where it was cut short.',
    )
    .argument('<name>')
    .argument('<file...>')
    .requiredOption('--release <version>', 'the version that it brings')
    .option('--application <application>', 'what is updated', 'flatcar')
    .addOption(new Option('--arch <arch>', 'for which machines').choices(['amd64', 'arm64', 'all']).default('amd64'))
    .action(async (name: string, paths: readonly string[], options: PackageOptions) => {
      const session = await openSession(io, options);
      const files = [];
      for (const path of paths) files.push(await described(path));
      const { application, release: version, arch } = options;
      const made = await uploadPackage(session, name, { application, version, arch, files }, paths);
      await printResult(
        io,
        session.json,
        made,
        `package ${name} uploaded. Give it to a channel: terrane update channel promote CHANNEL ${name}`,
      );
    });
}

async function described(path: string) {
  try {
    const { size } = await stat(path);
    const [sha256, sha1] = [createHash('sha256'), createHash('sha1')];
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      sha256.update(chunk);
      sha1.update(chunk);
    }
    return { name: basename(path), size, sha256: sha256.digest('hex'), sha1: sha1.digest('hex') };
  } catch (error) {
    throw new CliError(`${path} can not be read: ${(error as Error).message}`);
  }
}
