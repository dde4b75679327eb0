import { expect, test } from '@jest/globals';
import type { Affinity, TopologySpreadConstraint } from '../schema/pod.ts';
import { validateAffinity, validateSpread } from './validate-affinity.ts';

const fields = (errors: readonly { field: string }[]) => errors.map(({ field }) => field);
const nodes = (
  ...nodeSelectorTerms: NonNullable<
    NonNullable<Affinity['nodeAffinity']>['requiredDuringSchedulingIgnoredDuringExecution']
  >['nodeSelectorTerms']
) => ({
  nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms } },
});
const REQUIRED = 'a.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';

test.each<[string, Affinity, string[]]>([
  ['no terms', nodes(), [REQUIRED]],
  [
    'In without values',
    nodes({ matchExpressions: [{ key: 'a', operator: 'In' }] }),
    [`${REQUIRED}[0].matchExpressions[0].values`],
  ],
  [
    'Exists with values',
    nodes({ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['x'] }] }),
    [`${REQUIRED}[0].matchExpressions[0].values`],
  ],
  [
    'Gt of a word',
    nodes({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['x'] }] }),
    [`${REQUIRED}[0].matchExpressions[0].values[0]`],
  ],
  [
    'a key that is no label',
    nodes({ matchExpressions: [{ key: '-', operator: 'Exists' }] }),
    [`${REQUIRED}[0].matchExpressions[0].key`],
  ],
  [
    'another field than the name',
    nodes({ matchFields: [{ key: 'spec.x', operator: 'In', values: ['x'] }] }),
    [`${REQUIRED}[0].matchFields[0].key`],
  ],
  [
    'no topology key',
    { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: '' }] } },
    ['a.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey'],
  ],
  [
    'a namespace that can not be',
    {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          { weight: 1, podAffinityTerm: { topologyKey: 'z', namespaces: ['A'] } },
        ],
      },
    },
    ['a.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaces[0]'],
  ],
  ['nothing wrong', nodes({ matchExpressions: [{ key: 'a', operator: 'Gt', values: ['-3'] }] }), []],
])('affinity with %s is refused by the name of the field', (_, affinity, expected) => {
  expect(fields(validateAffinity(affinity, 'a'))).toEqual(expected);
});

const even = (given: Partial<TopologySpreadConstraint> = {}): TopologySpreadConstraint => ({
  maxSkew: 1,
  topologyKey: 'zone',
  whenUnsatisfiable: 'DoNotSchedule',
  ...given,
});

test.each<[string, TopologySpreadConstraint[], string[]]>([
  ['the same twice', [even(), even()], ['s[1]']],
  ['minDomains on a wish', [even({ whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2 })], ['s[0].minDomains']],
  ['label keys without a selector', [even({ matchLabelKeys: ['a'] })], ['s[0].matchLabelKeys']],
  [
    'a label key that the selector has',
    [even({ labelSelector: { matchLabels: { a: 'b' } }, matchLabelKeys: ['a'] })],
    ['s[0].matchLabelKeys[0]'],
  ],
  ['nothing wrong', [even(), even({ whenUnsatisfiable: 'ScheduleAnyway' })], []],
])('spread constraints with %s are refused by the name of the field', (_, constraints, expected) => {
  expect(fields(validateSpread(constraints, 's'))).toEqual(expected);
});
