import { type FieldError, invalidValue, notSupported, required } from '../field-error.ts';
import { labelValue, qualifiedName, validateAnnotations, validateLabels } from '../names.ts';
import { validatePodSpec } from '../pod-spec/validate.ts';
import { fencedOrNot } from './fenced.ts';
import type { LabelSelector } from '../schema/meta.ts';
import type { PodTemplate } from '../schema/pod.ts';
import { matchesSelector } from '../selectors.ts';

/** Rules shared by the kinds that make pods from a template and find them by a selector. */
export function validateTemplateAndSelector(spec: { selector: LabelSelector; template: PodTemplate }): FieldError[] {
  const { selector, template } = spec;
  const errors = validateSelector(selector, 'spec.selector');
  const labels = template.metadata?.labels;
  if (Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length === 0)
    errors.push(invalidValue('spec.selector', selector, 'an empty selector would match every pod; name at least one label'));
  else if (errors.length === 0 && !matchesSelector(selector, labels))
    errors.push(invalidValue('spec.template.metadata.labels', labels ?? {}, '`selector` does not match template `labels`'));
  errors.push(...validateLabels(labels, 'spec.template.labels'));
  errors.push(...validateAnnotations(template.metadata?.annotations, 'spec.template.annotations'));
  errors.push(...fencedOrNot(template.metadata, 'spec.template.metadata'));
  errors.push(...validatePodSpec(template.spec, 'spec.template.spec'));
  if ((template.spec.restartPolicy ?? 'Always') !== 'Always')
    errors.push(notSupported('spec.template.spec.restartPolicy', template.spec.restartPolicy, ['Always']));
  if (template.spec.activeDeadlineSeconds !== undefined)
    errors.push({
      reason: 'FieldValueForbidden',
      field: 'spec.template.spec.activeDeadlineSeconds',
      message: 'Forbidden: must not be specified for pods that are restarted always',
    });
  return errors;
}

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
