import { equalJson } from '../equal.ts';
import { duplicate, type FieldError, forbiddenField, invalidValue } from '../field-error.ts';

/** Rules that ConfigMap and Secret share. Values are never quoted: they may be secret. */

const KEY = /^[-._a-zA-Z0-9]+$/;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const MAX_BYTES = 1024 * 1024;

type Maps = Readonly<Record<string, Readonly<Record<string, string>> | undefined>>;

/** `base64` names the maps whose values must be base64. */
export function validateDataKeys(maps: Maps, base64: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  let bytes = 0;
  for (const [field, map] of Object.entries(maps)) {
    for (const [key, value] of Object.entries(map ?? {})) {
      const at = `${field}[${key}]`;
      if (key.length > 253 || !KEY.test(key) || key === '.' || key === '..')
        errors.push(invalidValue(at, key, "must be 1 to 253 letters, digits, '-', '_' or '.', and not '.' or '..'"));
      if (seen.has(key)) errors.push(duplicate(at, key));
      seen.add(key);
      if (base64.includes(field)) {
        if (value.length % 4 !== 0 || !BASE64.test(value))
          errors.push({ reason: 'FieldValueInvalid', field: at, message: 'Invalid value: must be base64' });
        bytes += (value.length * 3) / 4;
      } else {
        bytes += value.length;
      }
    }
  }
  if (bytes > MAX_BYTES)
    errors.push({ reason: 'FieldValueTooLong', field: 'data', message: `Too long: may not be more than ${MAX_BYTES} bytes` });
  return errors;
}

type Frozen = Readonly<Record<string, unknown>> & { readonly immutable?: boolean };

/** Once `immutable` is true, neither it nor the data changes. */
export function validateFrozenData(next: Frozen, previous: Frozen, fields: readonly string[]): FieldError[] {
  if (!previous.immutable) return [];
  const errors: FieldError[] = [];
  if (!next.immutable) errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'));
  for (const field of fields)
    if (!equalJson(next[field], previous[field]))
      errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'));
  return errors;
}
