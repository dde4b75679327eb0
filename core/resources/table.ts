import type { AnyResource } from './schema/kinds.ts';
import type { Cell, KindDefinition } from './kinds/index.ts';

/** Kubernetes' meta/v1 Table: what `kubectl get` prints. The server decides the columns, so that every client shows the same. */
export interface Table {
  readonly kind: 'Table';
  readonly apiVersion: string;
  readonly metadata: { readonly resourceVersion?: string };
  readonly columnDefinitions: readonly ColumnDefinition[];
  readonly rows: readonly { readonly cells: readonly Cell[]; readonly object?: object }[];
}

export interface ColumnDefinition {
  readonly name: string;
  readonly type: string;
  readonly format: string;
  readonly description: string;
  readonly priority: number;
}

export interface TableOptions {
  readonly nowMs: number;
  readonly resourceVersion?: string;
  /** `meta.k8s.io/v1` (default) or `meta.k8s.io/v1beta1`: the same shape. */
  readonly apiVersion?: string;
  /** What each row carries of its object. Default Metadata. */
  readonly includeObject?: 'None' | 'Metadata' | 'Object';
  /** False in a watch after its first event. */
  readonly withColumns?: boolean;
}

export function toTable(definition: KindDefinition, objects: readonly AnyResource[], options: TableOptions): Table {
  const { nowMs, resourceVersion, apiVersion = 'meta.k8s.io/v1', includeObject = 'Metadata', withColumns = true } = options;
  return {
    kind: 'Table',
    apiVersion,
    metadata: resourceVersion === undefined ? {} : { resourceVersion },
    columnDefinitions: withColumns ? columnDefinitions(definition) : [],
    rows: objects.map((object) => ({
      cells: definition.columns.map((column) => column.cell(object, nowMs)),
      ...(includeObject === 'Metadata' && { object: partialMetadata(object, apiVersion) }),
      ...(includeObject === 'Object' && { object }),
    })),
  };
}

function columnDefinitions(definition: KindDefinition): ColumnDefinition[] {
  return definition.columns.map(({ name, type, format = '', description, priority = 0 }) => ({
    name,
    type,
    format,
    description,
    priority,
  }));
}

/** An object's metadata only. */
export function partialMetadata(object: AnyResource, apiVersion = 'meta.k8s.io/v1'): object {
  return { kind: 'PartialObjectMetadata', apiVersion, metadata: object.metadata };
}
