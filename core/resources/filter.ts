import type { KindDefinition } from './kinds/index.ts';
import type { AnyResource } from './schema/kinds.ts';
import { type FieldRequirement, matchRequirements, parseFieldSelector, parseLabelSelector } from './selectors.ts';
import { badRequest } from './status.ts';

export type Filter = (object: AnyResource) => boolean;

/** The `labelSelector` and `fieldSelector` of a list or watch as one test. Throws BadRequest if one is malformed or its field isn't selectable. */
export function filterOf(
  definition: KindDefinition,
  labelSelector: string | undefined,
  fieldSelector: string | undefined,
): Filter {
  const labels = parsed('labelSelector', labelSelector, parseLabelSelector);
  const fields = parsed('fieldSelector', fieldSelector, parseFieldSelector).map((requirement) =>
    fieldTest(definition, requirement),
  );
  return (object) => matchRequirements(object.metadata.labels, labels) && fields.every((test) => test(object));
}

function parsed<T>(parameter: string, text: string | undefined, parse: (text: string) => T[]): T[] {
  if (!text) return [];
  try {
    return parse(text);
  } catch (error) {
    throw badRequest(`${parameter}: ${(error as Error).message}`);
  }
}

function fieldTest(definition: KindDefinition, { field, operator, value }: FieldRequirement): Filter {
  const read = reader(definition, field);
  return operator === '=' ? (object) => read(object) === value : (object) => read(object) !== value;
}

function reader(definition: KindDefinition, field: string): (object: AnyResource) => string {
  if (field === 'metadata.name') return (object) => object.metadata.name;
  if (field === 'metadata.namespace') return (object) => object.metadata.namespace ?? '';
  const selectable = definition.selectableFields ?? [];
  const found = selectable.find((candidate) => candidate.field === field);
  if (found) return (object) => found.value(object);
  const supported = ['metadata.name', 'metadata.namespace', ...selectable.map((candidate) => candidate.field)].join(', ');
  throw badRequest(`field label not supported: ${field}. ${definition.kind} can be selected by ${supported}`);
}
