import { type FieldError, forbiddenField, invalidValue, notSupported, required } from '../field-error.ts';
import { dnsLabel, qualifiedName } from '../names.ts';
import type { Affinity, NodeSelectorTerm, PodAffinityTerm, TopologySpreadConstraint } from '../schema/pod.ts';
import { validateSelector } from '../validate-selector.ts';

/** Rules of spec.affinity and spec.topologySpreadConstraints beyond their types. */

export function validateAffinity({ nodeAffinity, podAffinity, podAntiAffinity }: Affinity, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const required_ = nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (required_) {
    const at = `${path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
    if (required_.nodeSelectorTerms.length === 0) errors.push(required(at, 'must have at least one node selector term'));
    for (const [index, term] of required_.nodeSelectorTerms.entries()) errors.push(...validateNodeTerm(term, `${at}[${index}]`));
  }
  for (const [index, { preference }] of (nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
    const at = `${path}.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[${index}].preference`;
    errors.push(...validateNodeTerm(preference, at));
  }
  for (const [name, affinity] of Object.entries({ podAffinity, podAntiAffinity })) {
    const hard = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    const soft = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const [index, term] of hard.entries())
      errors.push(...validatePodTerm(term, `${path}.${name}.requiredDuringSchedulingIgnoredDuringExecution[${index}]`));
    for (const [index, { podAffinityTerm }] of soft.entries()) {
      const at = `${path}.${name}.preferredDuringSchedulingIgnoredDuringExecution[${index}].podAffinityTerm`;
      errors.push(...validatePodTerm(podAffinityTerm, at));
    }
  }
  return errors;
}

function validateNodeTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { key, operator, values = [] }] of matchExpressions.entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    const wrong = qualifiedName(key);
    if (wrong) errors.push(invalidValue(`${at}.key`, key, wrong));
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) errors.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Gt' || operator === 'Lt') {
      if (values.length !== 1)
        errors.push(required(`${at}.values`, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      else if (!/^-?\d+$/.test(values[0]!)) errors.push(invalidValue(`${at}.values[0]`, values[0], 'must be a whole number'));
    } else if (values.length > 0)
      errors.push(forbiddenField(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  }
  for (const [index, { key, operator, values = [] }] of matchFields.entries()) {
    const at = `${path}.matchFields[${index}]`;
    if (key !== 'metadata.name') errors.push(notSupported(`${at}.key`, key, ['metadata.name']));
    if (operator !== 'In' && operator !== 'NotIn') errors.push(notSupported(`${at}.operator`, operator, ['In', 'NotIn']));
    else if (values.length !== 1)
      errors.push(required(`${at}.values`, "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"));
  }
  return errors;
}

function validatePodTerm(
  { labelSelector, topologyKey, namespaces = [], namespaceSelector }: PodAffinityTerm,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (labelSelector) errors.push(...validateSelector(labelSelector, `${path}.labelSelector`));
  if (namespaceSelector) errors.push(...validateSelector(namespaceSelector, `${path}.namespaceSelector`));
  errors.push(...validateTopologyKey(topologyKey, path));
  for (const [index, name] of namespaces.entries()) {
    const wrong = dnsLabel(name);
    if (wrong) errors.push(invalidValue(`${path}.namespaces[${index}]`, name, wrong));
  }
  return errors;
}

function validateTopologyKey(key: string, path: string): FieldError[] {
  if (key === '') return [required(`${path}.topologyKey`, 'can not be empty')];
  const wrong = qualifiedName(key);
  return wrong ? [invalidValue(`${path}.topologyKey`, key, wrong)] : [];
}

export function validateSpread(constraints: readonly TopologySpreadConstraint[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, constraint] of constraints.entries()) {
    const { topologyKey, whenUnsatisfiable, labelSelector, minDomains, matchLabelKeys = [] } = constraint;
    const at = `${path}[${index}]`;
    errors.push(...validateTopologyKey(topologyKey, at));
    if (labelSelector) errors.push(...validateSelector(labelSelector, `${at}.labelSelector`));
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    if (seen.has(pair)) errors.push({ reason: 'FieldValueDuplicate', field: at, message: `Duplicate value: "${pair}"` });
    seen.add(pair);
    if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule')
      errors.push(invalidValue(`${at}.minDomains`, minDomains, 'can only use minDomains if whenUnsatisfiable=DoNotSchedule'));
    if (matchLabelKeys.length > 0 && !labelSelector)
      errors.push(forbiddenField(`${at}.matchLabelKeys`, 'must not be specified when labelSelector is not set'));
    for (const [keyAt, key] of matchLabelKeys.entries()) {
      const wrong = qualifiedName(key);
      if (wrong) errors.push(invalidValue(`${at}.matchLabelKeys[${keyAt}]`, key, wrong));
      if (labelSelector?.matchLabels && Object.hasOwn(labelSelector.matchLabels, key))
        errors.push(invalidValue(`${at}.matchLabelKeys[${keyAt}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    }
  }
  return errors;
}
