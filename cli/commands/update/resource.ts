import { Command } from 'commander';
import { confirm } from '../../confirm.ts';
import { type Io, line } from '../../io.ts';
import { type KubeClient, kindPath, type KubeObject } from '../../kube/client.ts';
import type { KindInfo } from '../../kube/kinds.ts';
import { getTable, tableColumns } from '../../kube/table.ts';
import { withCluster } from '../../options.ts';
import { printJson, printResult } from '../../output/print.ts';
import { printTable } from '../../output/table.ts';
import { openSession, type SessionOptions } from '../../session.ts';

/** What channels, groups and packages have in common: they are resources. */

export function listOf(io: Io, kind: KindInfo): Command {
  return withCluster(new Command('list'))
    .alias('ls')
    .summary('list them')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      if (session.json) return printJson(io, { [kind.plural]: (await kube.list(kind, undefined)).items });
      const table = await getTable(kube, kind, {});
      if (table.rows.length === 0) return line(io.err, `no ${kind.plural} yet: docs/updates.md has an example`);
      return printTable(io, tableColumns(table, { wide: false, namespace: false, prefix: '', labels: false }), table.rows);
    });
}

export function deleteOf(io: Io, kind: KindInfo): Command {
  return withCluster(new Command('delete'))
    .summary('delete one')
    .argument('<name>')
    .option('-y, --yes', "don't ask")
    .action(async (name: string, options: SessionOptions & { yes?: boolean }) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      await confirm(io, `Delete ${kind.kind} ${name}?`, options.yes);
      await kube.json({ method: 'DELETE', path: kindPath(kind, { name }) });
      await printResult(io, session.json, { deleted: name }, `${kind.kind} ${name} deleted`);
    });
}

export function patch(kube: KubeClient, kind: KindInfo, name: string, spec: object): Promise<KubeObject> {
  return kube.json<KubeObject>({
    method: 'PATCH',
    path: kindPath(kind, { name }),
    contentType: 'application/merge-patch+json',
    body: { spec },
  });
}
