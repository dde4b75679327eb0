import { type FieldError, invalidValue, required } from './field-error.ts';
import { labelValue, qualifiedName } from './names.ts';
import type { LabelSelector } from './schema/meta.ts';

/** Rules of a label selector beyond its types. `field` is its path. */
export function validateSelector(selector: LabelSelector, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    const wrong = qualifiedName(key);
    if (wrong) errors.push(invalidValue(`${field}.matchLabels`, key, wrong));
    const wrongValue = labelValue(value);
    if (wrongValue) errors.push(invalidValue(`${field}.matchLabels`, value, wrongValue));
  }
  for (const [index, { key, operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${field}.matchExpressions[${index}]`;
    const wrong = qualifiedName(key);
    if (wrong) errors.push(invalidValue(`${at}.key`, key, wrong));
    const takesValues = operator === 'In' || operator === 'NotIn';
    if (takesValues && values.length === 0)
      errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    if (!takesValues && values.length > 0)
      errors.push({
        reason: 'FieldValueForbidden',
        field: `${at}.values`,
        message: "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      });
  }
  return errors;
}
