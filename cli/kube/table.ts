import type { HttpRequest } from '../http/client.ts';
import type { Column } from '../output/table.ts';
import { type KubeClient, type KubeObject, kindPath, type Target } from './client.ts';
import type { KindInfo } from './kinds.ts';

/** meta.k8s.io/v1 Table: the server decides what is worth a column. */
export interface KubeTable {
  readonly metadata?: { readonly resourceVersion?: string };
  readonly columnDefinitions: readonly { readonly name: string; readonly priority?: number }[];
  readonly rows: readonly KubeRow[];
}

export interface KubeRow {
  readonly cells: readonly unknown[];
  /** PartialObjectMetadata, or the whole object with includeObject=Object. */
  readonly object: KubeObject;
}

export const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';

export function getTable(kube: KubeClient, kind: KindInfo, target: Target, query: HttpRequest['query'] = {}): Promise<KubeTable> {
  return kube.json<KubeTable>({ path: kindPath(kind, target), query, accept: TABLE });
}

export interface TableStyle {
  readonly wide: boolean;
  /** A first column, for tables over all namespaces. */
  readonly namespace: boolean;
  /** Put before names when several kinds are listed: `pod/`. */
  readonly prefix: string;
  readonly labels: boolean;
}

export function tableColumns(table: Pick<KubeTable, 'columnDefinitions'>, style: TableStyle): Column<KubeRow>[] {
  const shown = table.columnDefinitions
    .map(({ name, priority = 0 }, index) => ({ name, priority, index }))
    .filter(({ priority }) => style.wide || priority === 0);
  return [
    ...(style.namespace ? [{ title: 'NAMESPACE', value: (row: KubeRow) => row.object.metadata.namespace }] : []),
    ...shown.map(({ name, index }) => ({
      title: name.toUpperCase(),
      value: (row: KubeRow) => (name === 'Name' ? style.prefix : '') + text(row.cells[index]),
    })),
    ...(style.labels ? [{ title: 'LABELS', value: (row: KubeRow) => labelText(row.object.metadata.labels) }] : []),
  ];
}

export function labelText(labels: Readonly<Record<string, string>> | undefined): string | undefined {
  return Object.entries(labels ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function text(cell: unknown): string {
  if (cell === null || cell === undefined) return '';
  return typeof cell === 'object' ? JSON.stringify(cell) : String(cell as string | number | boolean);
}
