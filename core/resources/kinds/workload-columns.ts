import type { LabelSelector } from '../schema/meta.ts';
import type { PodTemplate } from '../schema/pod.ts';
import type { Column } from './definition.ts';
import { labelText } from './columns.ts';

interface Workload {
  spec: { selector: LabelSelector; template: PodTemplate };
}

/** The wide columns of everything that has a pod template and a selector. */
export const workloadColumns: readonly Column<Workload>[] = [
  {
    name: 'Containers',
    type: 'string',
    priority: 1,
    description: 'Names of the containers in the template.',
    cell: ({ spec }) => spec.template.spec.containers.map((container) => container.name).join(','),
  },
  {
    name: 'Images',
    type: 'string',
    priority: 1,
    description: 'Images of the containers in the template.',
    cell: ({ spec }) => spec.template.spec.containers.map((container) => container.image).join(','),
  },
  {
    name: 'Selector',
    type: 'string',
    priority: 1,
    description: 'Labels by which its pods are found.',
    cell: ({ spec }) => selectorText(spec.selector),
  },
];

/** The text form of a selector, that parseLabelSelector reads back. */
export function selectorText(selector: LabelSelector): string {
  const parts = Object.keys(selector.matchLabels ?? {}).length > 0 ? [labelText(selector.matchLabels)] : [];
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === 'Exists') parts.push(key);
    else if (operator === 'DoesNotExist') parts.push(`!${key}`);
    else parts.push(`${key} ${operator === 'In' ? 'in' : 'notin'} (${[...values].sort().join(',')})`);
  }
  return parts.join(',') || '<none>';
}
