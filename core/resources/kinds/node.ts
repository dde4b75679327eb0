import { keepLease } from '../../network/lease-guard.ts';
import { type FieldError, invalidValue, required } from '../field-error.ts';
import { dnsSubdomain, labelValue, qualifiedName } from '../names.ts';
import { canonicalList } from '../pod-spec/defaults.ts';
import { type Node, nodeSchema } from '../schema/node.ts';
import { invalid } from '../status.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';

export const nodeKind: KindDefinition<'Node'> = {
  kind: 'Node',
  group: '',
  version: 'v1',
  plural: 'nodes',
  singular: 'node',
  shortNames: ['no'],
  categories: [],
  namespaced: false,
  subresources: ['status', 'diagnosis'],
  schema: nodeSchema,
  description: 'A host that joined the cluster.',
  nameRule: dnsSubdomain,
  countsGenerations: false,
  defaults(node) {
    node.spec ??= {};
    canonicalList(node.status?.capacity);
    canonicalList(node.status?.allocatable);
  },
  admitUpdate(node, previous, view) {
    const errors = keepLease(node, previous, view);
    if (errors.length > 0) throw invalid(nodeKind, node.metadata.name, errors);
  },
  validate: ({ spec }) => validateTaints(spec),
  validateUpdate: () => [],
  selectableFields: [{ field: 'spec.unschedulable', value: (node) => String(node.spec?.unschedulable ?? false) }],
  columns: [
    nameColumn,
    { name: 'Status', type: 'string', description: 'Ready or not, and whether new pods may come.', cell: status },
    { name: 'Roles', type: 'string', description: `Labels ${ROLE_PREFIX}<role>.`, cell: roles },
    ageColumn,
    {
      name: 'Version',
      type: 'string',
      description: 'Version of the agent.',
      cell: (node) => node.status?.nodeInfo?.kubeletVersion ?? '',
    },
    {
      name: 'Internal-IP',
      type: 'string',
      priority: 1,
      description: 'Address in the private network.',
      cell: (node) => address(node, 'InternalIP'),
    },
    {
      name: 'External-IP',
      type: 'string',
      priority: 1,
      description: 'Public address.',
      cell: (node) => address(node, 'ExternalIP'),
    },
    {
      name: 'OS-Image',
      type: 'string',
      priority: 1,
      description: 'Operating system.',
      cell: (node) => node.status?.nodeInfo?.osImage || '<unknown>',
    },
    {
      name: 'Kernel-Version',
      type: 'string',
      priority: 1,
      description: 'Kernel.',
      cell: (node) => node.status?.nodeInfo?.kernelVersion || '<unknown>',
    },
    {
      name: 'Container-Runtime',
      type: 'string',
      priority: 1,
      description: 'Container engine.',
      cell: (node) => node.status?.nodeInfo?.containerRuntimeVersion || '<unknown>',
    },
  ],
};

function validateTaints(spec: Node['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, taint] of (spec?.taints ?? []).entries()) {
    const at = `spec.taints[${index}]`;
    const wrongKey = taint.key === '' ? undefined : qualifiedName(taint.key);
    if (taint.key === '') errors.push(required(`${at}.key`));
    if (wrongKey) errors.push(invalidValue(`${at}.key`, taint.key, wrongKey));
    const wrongValue = labelValue(taint.value ?? '');
    if (wrongValue) errors.push(invalidValue(`${at}.value`, taint.value, wrongValue));
    const id = `${taint.key}:${taint.effect}`;
    if (seen.has(id)) errors.push(invalidValue(at, id, 'taints must be unique by key and effect'));
    seen.add(id);
  }
  return errors;
}

function status(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const word = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec?.unschedulable ? `${word},SchedulingDisabled` : word;
}

function roles(node: Node): string {
  const found = Object.keys(node.metadata.labels ?? {})
    .filter((label) => label.startsWith(ROLE_PREFIX))
    .map((label) => label.slice(ROLE_PREFIX.length))
    .sort();
  return found.join(',') || '<none>';
}

function address(node: Node, type: string): string {
  return node.status?.addresses?.find((candidate) => candidate.type === type)?.address ?? '<none>';
}
