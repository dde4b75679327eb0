import { duplicate, type FieldError, immutable, invalidValue, required } from '../field-error.ts';
import { dns1035Label, dnsLabel, dnsSubdomain, validateLabels } from '../names.ts';
import { type Service, serviceSchema } from '../schema/service.ts';
import { ageColumn, labelText, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const serviceKind: KindDefinition<'Service'> = {
  kind: 'Service',
  group: '',
  version: 'v1',
  plural: 'services',
  singular: 'service',
  shortNames: ['svc'],
  categories: ['all'],
  namespaced: true,
  subresources: ['status'],
  schema: serviceSchema,
  description: 'One stable name and address for the pods that a selector finds.',
  nameRule: dns1035Label,
  countsGenerations: false,
  prepareCreate(service) {
    service.status = { loadBalancer: {} };
  },
  defaults(service) {
    service.spec ??= {};
    const { spec } = service;
    spec.type ??= 'ClusterIP';
    spec.sessionAffinity ??= 'None';
    if (spec.sessionAffinity === 'ClientIP') spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10800 } };
    if (spec.clusterIP !== undefined) spec.clusterIPs ??= [spec.clusterIP];
    for (const port of spec.ports ?? []) {
      port.protocol ??= 'TCP';
      if (spec.type !== 'ExternalName') port.targetPort ??= port.port;
    }
  },
  validate: (service) => validateService(service),
  validateUpdate(next, previous) {
    const before = previous.spec?.clusterIP;
    const changed = before !== undefined && before !== '' && before !== next.spec?.clusterIP;
    return changed && next.spec?.type !== 'ExternalName' ? [immutable('spec.clusterIP', next.spec?.clusterIP ?? '')] : [];
  },
  advice: () => [
    'Services are stored, but nothing is routed to their addresses yet: reach pods by their own address or a hostPort',
  ],
  selectableFields: [
    { field: 'spec.clusterIP', value: (service) => service.spec?.clusterIP ?? '' },
    { field: 'spec.type', value: (service) => service.spec?.type ?? '' },
  ],
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'How it is reached.', cell: ({ spec }) => spec?.type ?? '' },
    {
      name: 'Cluster-IP',
      type: 'string',
      description: 'Address inside the cluster.',
      cell: ({ spec }) => spec?.clusterIP || '<none>',
    },
    {
      name: 'External-IP',
      type: 'string',
      description: 'Addresses outside the cluster.',
      cell: ({ spec }) => (spec?.type === 'ExternalName' ? spec.externalName : spec?.externalIPs?.join(',')) || '<none>',
    },
    { name: 'Port(s)', type: 'string', description: 'Ports it listens on.', cell: ports },
    ageColumn,
    {
      name: 'Selector',
      type: 'string',
      priority: 1,
      description: 'Labels of its pods.',
      cell: ({ spec }) => labelText(spec?.selector),
    },
  ],
};

function ports({ spec }: Service): string {
  const list = (spec?.ports ?? []).map(
    ({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol ?? 'TCP'}`,
  );
  return list.join(',') || '<none>';
}

function validateService({ spec = {} }: Service): FieldError[] {
  const errors: FieldError[] = validateLabels(spec.selector, 'spec.selector');
  if (spec.type === 'ExternalName') {
    const wrong = spec.externalName ? dnsSubdomain(spec.externalName) : 'must be a DNS name';
    if (wrong) errors.push(invalidValue('spec.externalName', spec.externalName ?? '', wrong));
  } else if (spec.clusterIP !== 'None' && (spec.ports ?? []).length === 0) {
    errors.push(required('spec.ports'));
  }
  const names = new Set<string>();
  const numbers = new Set<string>();
  const several = (spec.ports ?? []).length > 1;
  for (const [index, port] of (spec.ports ?? []).entries()) {
    const at = `spec.ports[${index}]`;
    if (several && !port.name) errors.push(required(`${at}.name`, 'several ports need names'));
    const wrong = port.name ? dnsLabel(port.name) : undefined;
    if (wrong) errors.push(invalidValue(`${at}.name`, port.name, wrong));
    if (port.name && names.has(port.name)) errors.push(duplicate(`${at}.name`, port.name));
    names.add(port.name ?? '');
    const key = `${port.protocol ?? 'TCP'}/${port.port}`;
    if (numbers.has(key)) errors.push(duplicate(at, key));
    numbers.add(key);
    if (typeof port.targetPort === 'number' && (port.targetPort < 1 || port.targetPort > 65535))
      errors.push(invalidValue(`${at}.targetPort`, port.targetPort, 'must be between 1 and 65535, inclusive'));
  }
  return errors;
}
