import { equalJson } from '../equal.ts';
import { type FieldError, forbiddenField, immutable, invalidValue } from '../field-error.ts';
import { checkIntOrPercent, resolveIntOrPercent } from '../int-or-percent.ts';
import { dnsSubdomain } from '../names.ts';
import { podSpecAdvice } from '../pod-spec/advice.ts';
import { defaultPodSpec } from '../pod-spec/defaults.ts';
import { type Deployment, deploymentSchema } from '../schema/deployment.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';
import { validateTemplateAndSelector } from './template.ts';
import { workloadColumns } from './workload-columns.ts';

export const deploymentKind: KindDefinition<'Deployment'> = {
  kind: 'Deployment',
  group: 'apps',
  version: 'v1',
  plural: 'deployments',
  singular: 'deployment',
  shortNames: ['deploy'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  schema: deploymentSchema,
  description: 'A number of equal pods, replaced a few at a time when their template changes.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  prepareCreate(deployment) {
    deployment.status = {};
  },
  defaults({ spec }) {
    spec.replicas ??= 1;
    spec.strategy ??= {};
    spec.strategy.type ??= 'RollingUpdate';
    if (spec.strategy.type === 'RollingUpdate') {
      spec.strategy.rollingUpdate ??= {};
      spec.strategy.rollingUpdate.maxSurge ??= '25%';
      spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    defaultPodSpec(spec.template.spec);
  },
  validate: (deployment) => [...validateTemplateAndSelector(deployment.spec), ...validateStrategy(deployment)],
  validateUpdate: (next, previous) =>
    equalJson(next.spec.selector, previous.spec.selector) ? [] : [immutable('spec.selector', next.spec.selector)],
  advice: (deployment) => podSpecAdvice(deployment.spec.template.spec, 'spec.template.spec'),
  columns: [
    nameColumn,
    {
      name: 'Ready',
      type: 'string',
      description: 'Ready pods, of the wanted.',
      cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    },
    {
      name: 'Up-to-date',
      type: 'integer',
      description: 'Pods of the newest template.',
      cell: ({ status }) => status?.updatedReplicas ?? 0,
    },
    {
      name: 'Available',
      type: 'integer',
      description: 'Pods ready for minReadySeconds.',
      cell: ({ status }) => status?.availableReplicas ?? 0,
    },
    ageColumn,
    ...workloadColumns,
  ],
};

function validateStrategy({ spec }: Deployment): FieldError[] {
  const { type, rollingUpdate } = spec.strategy ?? {};
  const errors: FieldError[] = [];
  if (type === 'Recreate') {
    if (rollingUpdate)
      errors.push(forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'"));
    return errors;
  }
  for (const name of ['maxSurge', 'maxUnavailable'] as const) {
    const value = rollingUpdate?.[name];
    const wrong = value === undefined ? undefined : checkIntOrPercent(value);
    if (wrong) errors.push(invalidValue(`spec.strategy.rollingUpdate.${name}`, value, wrong));
  }
  if (errors.length > 0) return errors;
  const { maxSurge = '25%', maxUnavailable = '25%' } = rollingUpdate ?? {};
  if (resolveIntOrPercent(maxSurge, 100, 'up') === 0 && resolveIntOrPercent(maxUnavailable, 100, 'up') === 0)
    errors.push(invalidValue('spec.strategy.rollingUpdate.maxUnavailable', maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  const deadline = spec.progressDeadlineSeconds;
  if (deadline !== undefined && deadline <= (spec.minReadySeconds ?? 0))
    errors.push(invalidValue('spec.progressDeadlineSeconds', deadline, 'must be greater than minReadySeconds'));
  return errors;
}
