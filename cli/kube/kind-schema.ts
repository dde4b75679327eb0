import { findKind } from '../../core/resources/kinds/index.ts';
import { type Field, fieldOf } from '../../core/resources/schema/shape.ts';

/** What a patch must know of a kind's lists; undefined for kinds that this version doesn't know. Imported when needed only. */
export function fieldOfKind(apiVersion: string, kind: string): Field | undefined {
  const definition = findKind(apiVersion, kind);
  return definition && fieldOf(definition.schema);
}
