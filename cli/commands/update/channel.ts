import { Command } from 'commander';
import { CliError } from '../../errors.ts';
import type { Io } from '../../io.ts';
import { kindPath, type KubeObject } from '../../kube/client.ts';
import { UPDATE_CHANNEL, UPDATE_PACKAGE } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { printResult } from '../../output/print.ts';
import { openSession, type SessionOptions } from '../../session.ts';
import { deleteOf, listOf, patch } from './resource.ts';
import { requireSameApplication } from './same-application.ts';
import { missingFiles } from './upload.ts';

export function channelCommand(io: Io): Command {
  return new Command('channel')
    .summary('which package groups are updated to')
    .addCommand(listOf(io, UPDATE_CHANNEL))
    .addCommand(createCommand(io))
    .addCommand(promoteCommand(io))
    .addCommand(deleteOf(io, UPDATE_CHANNEL));
}

function createCommand(io: Io): Command {
  return withCluster(new Command('create'))
    .summary('make a channel that names no package yet')
    .argument('<name>')
    .option('--application <application>', 'what is updated', 'flatcar')
    .action(async (name: string, options: SessionOptions & { application: string }) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const { application } = options;
      const body = { apiVersion: 'terrane.dev/v1', kind: 'UpdateChannel', metadata: { name }, spec: { application } };
      const made = await kube.json<KubeObject>({ method: 'POST', path: kindPath(UPDATE_CHANNEL, {}), body });
      await printResult(
        io,
        session.json,
        made,
        `channel ${name} created. Give it a package: terrane update channel promote ${name} PACKAGE`,
      );
    });
}

interface Spec {
  readonly spec: {
    readonly application: string;
    readonly arch?: string;
    readonly version?: string;
    readonly url?: string;
    readonly packages?: Readonly<Record<string, string>>;
  };
}

/** A package by name, or all that another channel names: `promote stable beta` makes stable what beta is. */
function promoteCommand(io: Io): Command {
  return withCluster(new Command('promote'))
    .summary('let a channel name a package, or all that another channel names')
    .argument('<channel>')
    .argument('<from>', 'a package, or a channel')
    .action(async (channel: string, from: string, options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const [into, onePackage, other] = await Promise.all([
        kube.get<KubeObject & Spec>(UPDATE_CHANNEL, { name: channel }),
        kube.find<KubeObject & Spec>(UPDATE_PACKAGE, { name: from }),
        kube.find<KubeObject & Spec>(UPDATE_CHANNEL, { name: from }),
      ]);
      const given = onePackage ?? other;
      if (!given)
        throw new CliError(`there is no package or channel ${from}`, { code: 'not_found', fix: 'terrane update package list' });
      requireSameApplication(from, given.spec.application, into);
      if (onePackage && (await missingFiles(kube, from, onePackage)).length > 0)
        throw new CliError(`the files of ${from} are not all here: hosts would find nothing to download`, {
          code: 'incomplete',
          fix: `Upload them (the same command goes on where it was cut short): terrane update package upload ${from} FILE --release ${onePackage.spec.version}`,
        });
      const packages = onePackage ? { [onePackage.spec.arch ?? 'amd64']: from } : (other?.spec.packages ?? {});
      const changed = await patch(kube, UPDATE_CHANNEL, channel, { packages });
      const names = Object.values(packages).join(', ') || 'nothing';
      await printResult(
        io,
        session.json,
        changed,
        `channel ${channel} names ${names}. Follow it: terrane update rollout watch GROUP`,
      );
    });
}
