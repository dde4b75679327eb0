import { CliError } from '../errors.ts';
import type { HttpRequest } from '../http/client.ts';
import { type Io, line } from '../io.ts';
import { type KubeClient, type KubeObject, kindPath } from '../kube/client.ts';
import type { KindInfo } from '../kube/kinds.ts';
import { fullName } from '../kube/names.ts';
import { getTable, type KubeTable, TABLE, type TableStyle, tableColumns } from '../kube/table.ts';
import { watchOnce } from '../kube/watch.ts';
import { printYaml } from '../output/print.ts';
import { printTable } from '../output/table.ts';

export interface Following {
  readonly kind: KindInfo;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly query: HttpRequest['query'];
  readonly output: 'json' | 'yaml' | 'wide' | 'name' | undefined;
  readonly style: TableStyle;
}

/** Shows what there is, then every change, until interrupted. The server ends each watch after minutes: then it goes on from there. */
export async function follow(io: Io, kube: KubeClient, following: Following): Promise<void> {
  const { kind, name, namespace } = following;
  const path = kindPath(kind, { namespace });
  const fields = [following.query?.fieldSelector, name && `metadata.name=${name}`].filter(Boolean).join(',');
  const query = { ...following.query, fieldSelector: fields || undefined };
  let version: string | undefined;
  let columns: KubeTable['columnDefinitions'] = [];
  let header = true;

  const show = async (table: KubeTable) => {
    if (table.columnDefinitions?.length) columns = table.columnDefinitions;
    if (table.rows.length === 0) return;
    if (following.output === undefined || following.output === 'wide') {
      await printTable(io, tableColumns({ columnDefinitions: columns }, following.style), table.rows, header);
      header = false;
    } else {
      for (const { object } of table.rows) await showObject(io, following, object);
    }
  };

  for (;;) {
    if (version === undefined) {
      const table = await getTable(kube, kind, { namespace }, { ...query, includeObject: 'Object' });
      version = table.metadata?.resourceVersion ?? '0';
      await show(table);
    }
    try {
      const request = { path, accept: TABLE, query: { ...query, includeObject: 'Object', resourceVersion: version } };
      for await (const { type, object } of watchOnce<KubeTable & KubeObject>(kube, request)) {
        if (type === 'ERROR') {
          version = undefined;
          break;
        }
        version = object.rows?.[0]?.object.metadata.resourceVersion ?? object.metadata?.resourceVersion ?? version;
        if (type !== 'BOOKMARK') await show(object);
      }
    } catch (error) {
      // Too old a version: list again. Everything else ends the command with its reason.
      if (!(error instanceof CliError) || error.status !== 410) throw error;
      version = undefined;
    }
    await io.sleep(500);
  }
}

async function showObject(io: Io, { output, kind }: Following, object: KubeObject): Promise<void> {
  if (output === 'name') await line(io.out, fullName(kind, object.metadata.name));
  else if (output === 'json') await line(io.out, JSON.stringify(object));
  else {
    await line(io.out, '---');
    await printYaml(io, object);
  }
}
