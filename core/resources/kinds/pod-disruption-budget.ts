import { type FieldError, invalidValue, required } from '../field-error.ts';
import { checkIntOrPercent } from '../int-or-percent.ts';
import { dnsSubdomain } from '../names.ts';
import { podDisruptionBudgetSchema } from '../schema/pod-disruption-budget.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';
import { validateSelector } from '../validate-selector.ts';

export const podDisruptionBudgetKind: KindDefinition<'PodDisruptionBudget'> = {
  kind: 'PodDisruptionBudget',
  group: 'policy',
  version: 'v1',
  plural: 'poddisruptionbudgets',
  singular: 'poddisruptionbudget',
  shortNames: ['pdb'],
  categories: [],
  namespaced: true,
  subresources: ['status'],
  schema: podDisruptionBudgetSchema,
  description: 'How many of a set of pods must stay when some are moved: by a drain, or for more important pods.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  prepareCreate(budget) {
    budget.status = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };
  },
  defaults: () => {},
  validate: ({ spec }) => {
    const errors: FieldError[] = spec.selector ? validateSelector(spec.selector, 'spec.selector') : [];
    if (spec.minAvailable === undefined && spec.maxUnavailable === undefined)
      errors.push(required('spec.minAvailable', 'one of minAvailable and maxUnavailable must be set'));
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined)
      errors.push(invalidValue('spec', '', 'minAvailable and maxUnavailable cannot be both set'));
    for (const field of ['minAvailable', 'maxUnavailable'] as const) {
      const value = spec[field];
      const wrong = value === undefined ? undefined : checkIntOrPercent(value);
      if (wrong) errors.push(invalidValue(`spec.${field}`, value, wrong));
      else if (typeof value === 'string' && Number.parseInt(value, 10) > 100)
        errors.push(invalidValue(`spec.${field}`, value, 'must not be greater than 100%'));
    }
    return errors;
  },
  validateUpdate: () => [],
  columns: [
    nameColumn,
    {
      name: 'Min Available',
      type: 'string',
      description: 'Pods that must stay.',
      cell: ({ spec }) => (spec.minAvailable === undefined ? 'N/A' : String(spec.minAvailable)),
    },
    {
      name: 'Max Unavailable',
      type: 'string',
      description: 'Pods that may be missing.',
      cell: ({ spec }) => (spec.maxUnavailable === undefined ? 'N/A' : String(spec.maxUnavailable)),
    },
    {
      name: 'Allowed Disruptions',
      type: 'integer',
      description: 'How many pods may be made to go now.',
      cell: ({ status }) => status?.disruptionsAllowed ?? 0,
    },
    ageColumn,
  ],
};
