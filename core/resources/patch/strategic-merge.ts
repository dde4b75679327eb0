import { equalJson } from '../equal.ts';
import type { Field } from '../schema/shape.ts';
import { badRequest } from '../status.ts';
import { isObject } from './merge-patch.ts';

/**
 * Kubernetes' strategic merge patch: as a merge patch, but lists merge too, by the keys that the kind's schema names.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */

type Json = Record<string, unknown>;

const PATCH = '$patch';
const RETAIN_KEYS = '$retainKeys';
const SET_ORDER = '$setElementOrder/';
const DELETE_PRIMITIVES = '$deleteFromPrimitiveList/';

/** `field` describes the target. Neither argument is changed. Throws BadRequest for malformed directives. */
export function strategicMerge(target: unknown, patch: unknown, field: Field): unknown {
  if (!isObject(patch)) throw badRequest('a strategic merge patch is an object');
  return mergeObject(isObject(target) ? target : {}, patch, field) ?? {};
}

/** Undefined: the patch deletes the object. */
function mergeObject(target: Json, patch: Json, field: Field | undefined): Json | undefined {
  const directive = patch[PATCH];
  if (directive === 'delete') return undefined;
  if (directive !== undefined && directive !== 'replace' && directive !== 'merge')
    throw badRequest(`unknown patch directive ${JSON.stringify(directive)}: expected replace, merge or delete`);
  let result: Json = directive === 'replace' ? {} : { ...target };
  if (patch[RETAIN_KEYS] !== undefined) result = retained(result, stringList(patch[RETAIN_KEYS], RETAIN_KEYS));
  for (const [name, value] of Object.entries(patch)) {
    if (name === PATCH || name === RETAIN_KEYS || name === '__proto__' || name.startsWith(SET_ORDER)) continue;
    if (name.startsWith(DELETE_PRIMITIVES)) {
      const list = name.slice(DELETE_PRIMITIVES.length);
      const gone = anyList(value, name);
      if (Array.isArray(result[list]))
        result[list] = result[list].filter((item) => !gone.some((other) => equalJson(item, other)));
    } else if (value === null) {
      delete result[name];
    } else {
      const merged = mergeValue(result[name], value, childOf(field, name));
      if (merged === undefined) delete result[name];
      else result[name] = merged;
    }
  }
  for (const [name, order] of Object.entries(patch)) {
    if (!name.startsWith(SET_ORDER)) continue;
    const list = name.slice(SET_ORDER.length);
    const before = Array.isArray(target[list]) ? target[list] : [];
    if (Array.isArray(result[list]))
      result[list] = ordered(result[list], before, anyList(order, name), childOf(field, list)?.patchMergeKey);
  }
  return result;
}

function mergeValue(target: unknown, patch: unknown, field: Field | undefined): unknown {
  if (isObject(patch)) return mergeObject(isObject(target) ? target : {}, patch, field);
  if (!Array.isArray(patch)) return patch;
  return mergeList(Array.isArray(target) ? target : [], patch, field);
}

function mergeList(target: readonly unknown[], patch: readonly unknown[], field: Field | undefined): unknown[] {
  const element = field?.shape.type === 'list' ? field.shape.element : undefined;
  const key = field?.patchMergeKey;
  if (key === undefined) {
    if (!field?.merge) return patch.map((item) => mergeValue(undefined, item, element)).filter((item) => item !== undefined);
    return [...target, ...patch.filter((item) => !target.some((other) => equalJson(item, other)))];
  }
  const replaces = patch.some((item) => isObject(item) && item[PATCH] === 'replace' && !(key in item));
  const result: unknown[] = replaces ? [] : [...target];
  for (const item of patch) {
    if (!isObject(item))
      throw badRequest(`the elements of this list are objects with the key "${key}", got ${JSON.stringify(item)}`);
    if (item[PATCH] === 'replace' && !(key in item)) continue;
    if (item[key] === undefined || item[key] === null)
      throw badRequest(`an element of the patch has no "${key}", by which elements are told apart`);
    const index = result.findIndex((other) => isObject(other) && equalJson(other[key], item[key]));
    const existing = index < 0 ? {} : (result[index] as Json);
    const merged = mergeObject(existing, item, element);
    if (merged !== undefined && index < 0) result.push(merged);
    else if (merged !== undefined) result[index] = merged;
    else if (index >= 0) result.splice(index, 1);
  }
  return result;
}

/**
 * Sorts as the patch's author has it. Elements the author doesn't know keep their place relative to those they stood before.
 */
function ordered(
  list: readonly unknown[],
  before: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): unknown[] {
  const identity = (item: unknown) => (key !== undefined && isObject(item) ? item[key] : item);
  const indexIn = (items: readonly unknown[], item: unknown) =>
    items.findIndex((other) => equalJson(identity(other), identity(item)));
  const known = list.filter((item) => indexIn(order, item) >= 0).sort((a, b) => indexIn(order, a) - indexIn(order, b));
  const others = list.filter((item) => indexIn(order, item) < 0);
  const result: unknown[] = [];
  while (known.length > 0 && others.length > 0) {
    const other = indexIn(before, others[0]);
    const next = indexIn(before, known[0]);
    result.push(other >= 0 && next >= 0 && other < next ? others.shift() : known.shift());
  }
  return [...result, ...known, ...others];
}

function retained(object: Json, keys: readonly string[]): Json {
  return Object.fromEntries(Object.entries(object).filter(([name]) => keys.includes(name)));
}

function childOf(field: Field | undefined, name: string): Field | undefined {
  if (field?.shape.type === 'object') return field.shape.fields.get(name);
  return field?.shape.type === 'map' ? field.shape.value : undefined;
}

function anyList(value: unknown, directive: string): unknown[] {
  if (!Array.isArray(value)) throw badRequest(`${directive} must be a list`);
  return value;
}

function stringList(value: unknown, directive: string): string[] {
  const list = anyList(value, directive);
  if (!list.every((item) => typeof item === 'string')) throw badRequest(`${directive} must be a list of strings`);
  return list as string[];
}
