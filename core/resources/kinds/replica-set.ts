import { equalJson } from '../equal.ts';
import { immutable } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import { podSpecAdvice } from '../pod-spec/advice.ts';
import { defaultPodSpec } from '../pod-spec/defaults.ts';
import { replicaSetSchema } from '../schema/replica-set.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';
import { validateTemplateAndSelector } from './template.ts';
import { workloadColumns } from './workload-columns.ts';

export const replicaSetKind: KindDefinition<'ReplicaSet'> = {
  kind: 'ReplicaSet',
  group: 'apps',
  version: 'v1',
  plural: 'replicasets',
  singular: 'replicaset',
  shortNames: ['rs'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status', 'scale'],
  schema: replicaSetSchema,
  description: 'A number of equal pods. Usually made by a Deployment, one for each revision of its template.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  prepareCreate(replicaSet) {
    replicaSet.status = { replicas: 0 };
  },
  defaults({ spec }) {
    spec.replicas ??= 1;
    defaultPodSpec(spec.template.spec);
  },
  validate: (replicaSet) => validateTemplateAndSelector(replicaSet.spec),
  validateUpdate: (next, previous) =>
    equalJson(next.spec.selector, previous.spec.selector) ? [] : [immutable('spec.selector', next.spec.selector)],
  advice: (replicaSet) => podSpecAdvice(replicaSet.spec.template.spec, 'spec.template.spec'),
  columns: [
    nameColumn,
    { name: 'Desired', type: 'integer', description: 'Wanted pods.', cell: ({ spec }) => spec.replicas ?? 1 },
    { name: 'Current', type: 'integer', description: 'Pods that exist.', cell: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', description: 'Pods that are ready.', cell: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...workloadColumns,
  ],
};
