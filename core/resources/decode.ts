import { type FieldError, invalidValue, notSupported, required } from './field-error.ts';
import { type Field, fieldOf } from './schema/shape.ts';
import { badRequest, invalid } from './status.ts';
import type { ReadableKind } from './kinds/definition.ts';

/** From a client's JSON to an object of its kind. Nothing is dropped without being named. */

export interface Pruned {
  /** A copy without nulls and without the fields in `unknown`. */
  readonly value: unknown;
  /** Paths of the fields that the kind doesn't have. */
  readonly unknown: readonly string[];
}

/**
 * Removes what the schema doesn't know and reports it. `null` means "absent" as in Kubernetes' own decoder (kubectl writes
 * `creationTimestamp: null`). Wrong types are left as they are for `checkTypes`.
 */
export function prune(definition: Pick<ReadableKind, 'schema'>, value: unknown): Pruned {
  const unknown: string[] = [];
  return { value: walk(fieldOf(definition.schema), value, '', unknown), unknown };
}

function walk({ shape }: Field, value: unknown, path: string, unknown: string[]): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const element = shape.type === 'list' ? shape.element : undefined;
    return element ? value.map((item, index) => walk(element, item, `${path}[${index}]`, unknown)) : value;
  }
  if (shape.type !== 'object' && shape.type !== 'map') return value;
  const result: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    const field = shape.type === 'map' ? shape.value : shape.fields.get(name);
    const childPath = path ? `${path}.${name}` : name;
    if (field === undefined) {
      if (shape.type === 'object' && shape.open) set(result, name, child);
      else unknown.push(childPath);
    } else if (child === null) {
      // A null entry of a map of strings is an empty string, as in Go.
      if (shape.type === 'map' && field.shape.type === 'leaf' && field.shape.leaf === 'string') set(result, name, '');
    } else {
      set(result, name, walk(field, child, childPath, unknown));
    }
  }
  return result;
}

/** As `object[name] = value`, but a field called `__proto__` is just a field. */
function set(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
  else object[name] = value;
}

/** Throws BadRequest for values of the wrong type and Invalid for missing or unsupported ones, naming every field. */
export function checkTypes(definition: ReadableKind, value: unknown, name: string): void {
  const result = definition.schema.safeParse(value);
  if (result.success) return;
  const wrongType: FieldError[] = [];
  const wrongValue: FieldError[] = [];
  for (const issue of result.error.issues) {
    const field = fieldPath(issue.path);
    const found = valueAt(value, issue.path);
    if (issue.code === 'invalid_type' && found === undefined) wrongValue.push(required(field));
    else if (issue.code === 'invalid_type')
      wrongType.push({ reason: 'FieldValueTypeInvalid', field, message: `expected ${issue.expected}, got ${typeName(found)}` });
    else if (issue.code === 'invalid_union')
      wrongType.push({ reason: 'FieldValueTypeInvalid', field, message: `expected number or string, got ${typeName(found)}` });
    else if (issue.code === 'invalid_value') {
      if (found === undefined) wrongValue.push(required(field));
      else wrongValue.push(notSupported(field, found, issue.values));
    } else if (issue.code === 'unrecognized_keys')
      wrongType.push(
        ...issue.keys.map((key) => ({
          reason: 'FieldValueForbidden',
          field: field ? `${field}.${key}` : key,
          message: 'unknown field',
        })),
      );
    else wrongValue.push(invalidValue(field, found, issue.message));
  }
  if (wrongType.length > 0) {
    const list = wrongType.map(({ field, message }) => `${field}: ${message}`).join('; ');
    throw badRequest(`${definition.kind} in version "${definition.version}" cannot be read: ${list}`, wrongType);
  }
  throw invalid(definition, name, wrongValue);
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : `${index ? '.' : ''}${String(part)}`)).join('');
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (current, part) =>
      current === null || typeof current !== 'object' ? undefined : (current as Record<PropertyKey, unknown>)[part],
    value,
  );
}

function typeName(value: unknown): string {
  return value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value;
}
