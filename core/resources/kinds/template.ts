import { type FieldError, invalidValue, notSupported } from '../field-error.ts';
import { validateAnnotations, validateLabels } from '../names.ts';
import { validatePodSpec } from '../pod-spec/validate.ts';
import { fencedOrNot } from './fenced.ts';
import type { LabelSelector } from '../schema/meta.ts';
import type { PodTemplate } from '../schema/pod.ts';
import { matchesSelector } from '../selectors.ts';
import { validateSelector } from '../validate-selector.ts';

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
