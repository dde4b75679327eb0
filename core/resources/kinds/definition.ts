import type * as z from 'zod';
import type { ReadView } from '../../keyspace/types.ts';
import type { FieldError } from '../field-error.ts';
import type { NameRule } from '../names.ts';
import type { KindMap, KindName } from '../schema/kinds.ts';

/** What reading an object from a client's text takes: a kind, or a sub-resource with a shape of its own (Scale). */
export interface ReadableKind {
  readonly kind: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly schema: z.ZodObject;
}

/** What the generic store and the generic REST handler need to know of a kind. Adding a kind = one file that exports one of these. */
export interface KindDefinition<K extends KindName = KindName> {
  readonly kind: K;
  /** '' = the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  /** `all` = part of `kubectl get all`. */
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly subresources: readonly Subresource[];
  readonly schema: z.ZodObject;
  /** One sentence for `kubectl explain`. */
  readonly description: string;
  readonly nameRule: NameRule;
  /** metadata.generation counts changes of what isn't metadata or status. */
  readonly countsGenerations: boolean;
  /** What the server itself puts on a new object (a first status). Mutates its argument, a private copy. */
  prepareCreate?(object: KindMap[K]): void;
  /** Fills in what the author left out, as Kubernetes does. Mutates its argument, a private copy. Idempotent. */
  defaults(object: KindMap[K]): void;
  /** On creation, what depends on other objects. Mutates its argument, a private copy. Throws a StatusError to refuse it. */
  admit?(object: KindMap[K], view: ReadView): void;
  /** On an update, as `admit`: what it needs of other objects, and what `previous` was given and `object` doesn't speak of. */
  admitUpdate?(object: KindMap[K], previous: KindMap[K], view: ReadView): void;
  /** Types are already right. */
  validate(object: KindMap[K]): FieldError[];
  /** What an update may not change. `next` is valid by itself. */
  validateUpdate(next: KindMap[K], previous: KindMap[K]): FieldError[];
  /** Sentences for the author about what is accepted and has no effect: sent as warnings. */
  advice?(object: KindMap[K]): string[];
  /** Field selectors beyond metadata.name and metadata.namespace. */
  readonly selectableFields?: readonly SelectableField<KindMap[K]>[];
  readonly columns: readonly Column<KindMap[K]>[];
}

export type Subresource = 'status' | 'scale' | 'log' | 'eviction' | 'diagnosis' | 'journal' | 'exec';

export type Cell = string | number | boolean;

/** One column of `kubectl get`. Priority 1 shows with `-o wide` only. */
export interface Column<T> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'boolean';
  readonly format?: 'name';
  readonly priority?: 0 | 1;
  readonly description: string;
  cell(object: T, nowMs: number): Cell;
}

export interface SelectableField<T> {
  /** Path as in a field selector, e.g. `spec.nodeName`. */
  readonly field: string;
  value(object: T): string;
}
