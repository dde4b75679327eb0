import { equalJson } from '../../core/resources/equal.ts';
import { isObject } from '../../core/resources/patch/merge-patch.ts';
import type { Field } from '../../core/resources/schema/shape.ts';

type Json = Record<string, unknown>;

/**
 * The patch that `apply` sends: what the manifest says and the cluster doesn't, and `null` for what the author had said at the
 * last apply and now doesn't. What others have set (defaults, a scale, controllers) stays. With `field` (the kind's schema) it
 * is a strategic merge patch, in which lists merge by key; without, a JSON merge patch, in which lists are replaced.
 *
 * Undefined when there is nothing to change.
 */
export function threeWayPatch(last: unknown, wanted: Json, current: Json, field: Field | undefined): Json | undefined {
  return patchObject(isObject(last) ? last : {}, wanted, current, field);
}

function patchObject(last: Json, wanted: Json, current: Json, field: Field | undefined): Json | undefined {
  const patch: Json = {};
  for (const [name, value] of Object.entries(wanted)) {
    const child = childOf(field, name);
    const now = current[name];
    if (value === null || value === undefined) {
      if (now !== undefined) patch[name] = null;
    } else if (now === undefined) {
      patch[name] = value;
    } else if (isObject(value) && isObject(now)) {
      const inner = patchObject(asObject(last[name]), value, now, child);
      if (inner) patch[name] = inner;
    } else if (Array.isArray(value) && Array.isArray(now) && child?.merge) {
      Object.assign(patch, patchList(name, asList(last[name]), value, now, child));
    } else if (!equalJson(value, now)) {
      patch[name] = value;
    }
  }
  for (const name of Object.keys(last)) {
    if (wanted[name] === undefined && current[name] !== undefined && last[name] !== null) patch[name] = null;
  }
  if (Object.keys(patch).length === 0) return undefined;
  // Fields that exclude each other: those not named here go, even if somebody else set them.
  if (field?.retainKeys) patch.$retainKeys = Object.keys(wanted).sort();
  return patch;
}

/** The entries of a strategic merge patch that turn a list into the wanted one. */
function patchList(
  name: string,
  last: readonly unknown[],
  wanted: readonly unknown[],
  current: readonly unknown[],
  field: Field,
): Json {
  const key = field.patchMergeKey;
  if (key === undefined) return patchPrimitives(name, last, wanted, current);
  const element = field.shape.type === 'list' ? field.shape.element : undefined;
  const changes: unknown[] = [];
  for (const item of wanted.filter(isObject)) {
    const now = byKey(current, key, item[key]);
    if (!now) changes.push(item);
    else {
      const inner = patchObject(asObject(byKey(last, key, item[key])), item, now, element);
      if (inner) changes.push({ ...inner, [key]: item[key] });
    }
  }
  for (const item of last.filter(isObject)) {
    if (byKey(wanted, key, item[key]) || !byKey(current, key, item[key])) continue;
    changes.push({ $patch: 'delete', [key]: item[key] });
  }
  const order = wanted.filter(isObject).map((item) => item[key]);
  const orderNow = current
    .filter(isObject)
    .map((item) => item[key])
    .filter((value) => order.some((other) => equalJson(other, value)));
  if (changes.length === 0 && equalJson(order, orderNow)) return {};
  return {
    [`$setElementOrder/${name}`]: order.map((value) => ({ [key]: value })),
    ...(changes.length > 0 ? { [name]: changes } : {}),
  };
}

function patchPrimitives(name: string, last: readonly unknown[], wanted: readonly unknown[], current: readonly unknown[]): Json {
  const has = (list: readonly unknown[], item: unknown) => list.some((other) => equalJson(other, item));
  const added = wanted.filter((item) => !has(current, item));
  const gone = last.filter((item) => !has(wanted, item) && has(current, item));
  return {
    ...(added.length > 0 ? { [name]: added } : {}),
    ...(gone.length > 0 ? { [`$deleteFromPrimitiveList/${name}`]: gone } : {}),
  };
}

function childOf(field: Field | undefined, name: string): Field | undefined {
  const shape = field?.shape;
  return shape?.type === 'object' ? shape.fields.get(name) : shape?.type === 'map' ? shape.value : undefined;
}

function byKey(list: readonly unknown[], key: string, value: unknown): Json | undefined {
  return list.find((item): item is Json => isObject(item) && equalJson(item[key], value));
}

function asObject(value: unknown): Json {
  return isObject(value) ? value : {};
}

function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
