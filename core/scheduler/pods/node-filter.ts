import { matchRequirements, type Requirement, wholeNumber } from '../../resources/selectors.ts';
import type { NodeSelectorTerm, PodSpec } from '../../resources/schema/pod.ts';
import type { NodeFilter } from '../engine/work.ts';

/** spec.nodeSelector, and the required part of spec.affinity.nodeAffinity: all of the first and one of the terms of the second. */
export function requiredNodes({ nodeSelector, affinity }: PodSpec): NodeFilter | undefined {
  const selector = Object.entries(nodeSelector ?? {});
  const terms = affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms.map(termFilter);
  if (selector.length === 0 && !terms) return undefined;
  return {
    labels: [...selector.map(([key]) => key), ...(terms ?? []).flatMap(({ labels }) => labels)],
    readsName: (terms ?? []).some(({ readsName }) => readsName),
    accepts: (node) =>
      selector.every(([key, value]) => Object.hasOwn(node.labels, key) && node.labels[key] === value) &&
      (!terms || terms.some((term) => term.accepts(node))),
  };
}

/** Its expressions and fields all hold. An empty term means no node (Kubernetes' rule). */
export function termFilter({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): NodeFilter {
  const labels = matchExpressions.map(asRequirement);
  const fields = matchFields.map(asRequirement);
  const empty = labels.length + fields.length === 0;
  return {
    labels: labels.map(({ key }) => key),
    readsName: fields.length > 0,
    accepts: (node) =>
      !empty && matchRequirements(node.labels, labels) && matchRequirements({ 'metadata.name': node.name }, fields),
  };
}

type Expression = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

function asRequirement({ key, operator, values = [] }: Expression): Requirement {
  switch (operator) {
    case 'In':
    case 'NotIn':
      return { key, operator, values };
    case 'Exists':
    case 'DoesNotExist':
      return { key, operator };
    case 'Gt':
    case 'Lt':
      return { key, operator, value: wholeNumber(values[0]) };
  }
}
