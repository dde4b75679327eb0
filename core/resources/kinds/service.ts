import type { ReadView } from '../../keyspace/types.ts';
import { allocateService, needsClusterIp, needsNodePorts } from '../../network/allocate-service.ts';
import { endpointAddressProblem } from '../../network/endpoint-address.ts';
import { parseAddress } from '../../network/ipv4.ts';
import { duplicate, type FieldError, forbiddenField, immutable, invalidValue, required } from '../field-error.ts';
import { dns1035Label, dnsLabel, dnsSubdomain, validateLabels } from '../names.ts';
import { type Service, serviceSchema } from '../schema/service.ts';
import { invalid } from '../status.ts';
import { ageColumn, labelText, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';
import { portNameProblem } from './port-name.ts';

/** A day. */
const AFFINITY_SECONDS_MAX = 86_400;
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
    if (spec.sessionAffinity === 'ClientIP') {
      spec.sessionAffinityConfig ??= {};
      spec.sessionAffinityConfig.clientIP ??= {};
      spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= 10_800;
    } else delete spec.sessionAffinityConfig;
    if (spec.clusterIP) spec.clusterIPs ??= [spec.clusterIP];
    else if (spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
    if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
    if (spec.type === 'NodePort' || spec.type === 'LoadBalancer' || spec.externalIPs?.length)
      spec.externalTrafficPolicy ??= 'Cluster';
    for (const port of spec.ports ?? []) {
      port.protocol ??= 'TCP';
      if (spec.type !== 'ExternalName') port.targetPort ??= port.port;
    }
  },
  admit: (service, view) => give(service, view),
  admitUpdate(next, previous, view) {
    keepGiven(next, previous);
    give(next, view, previous);
  },
  validate: validateService,
  validateUpdate(next, previous) {
    const before = previous.spec?.clusterIP;
    const both = needsClusterIp(next) && needsClusterIp(previous);
    const changed = both && before !== undefined && before !== '' && before !== next.spec?.clusterIP;
    return changed ? [immutable('spec.clusterIPs[0]', next.spec?.clusterIP ?? '')] : [];
  },
  advice: ({ spec }) =>
    spec?.type === 'LoadBalancer' ? ['spec.type LoadBalancer is served as NodePort: nothing here makes load balancers'] : [],
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

/** Addresses and node ports, or a refusal. */
function give(service: Service, view: ReadView, previous?: Service): void {
  const errors = allocateService(service, view, previous);
  if (errors.length > 0) throw invalid(serviceKind, service.metadata.name, errors);
}

/**
 * Who writes a Service back without what it was given means to leave it; who changes its type gives back what the new one has no use
 * for. As Kubernetes does.
 */
function keepGiven(next: Service, previous: Service): void {
  const [spec, before] = [(next.spec ??= {}), previous.spec ?? {}];
  if (needsClusterIp(next)) {
    if (needsClusterIp(previous) && !spec.clusterIP && before.clusterIP) {
      spec.clusterIP = before.clusterIP;
      spec.clusterIPs = [before.clusterIP];
    }
  } else if (spec.clusterIP === before.clusterIP) {
    delete spec.clusterIP;
    delete spec.clusterIPs;
    if (spec.internalTrafficPolicy === before.internalTrafficPolicy) delete spec.internalTrafficPolicy;
  }
  const given = new Map(before.ports?.map(({ protocol, port, nodePort }) => [`${protocol ?? 'TCP'}/${port}`, nodePort]));
  for (const port of spec.ports ?? []) {
    const nodePort = given.get(`${port.protocol ?? 'TCP'}/${port.port}`);
    if (nodePort === undefined) continue;
    if (needsNodePorts(next)) port.nodePort ??= nodePort;
    else if (port.nodePort === nodePort) delete port.nodePort;
  }
  const external = needsNodePorts(next) || (spec.externalIPs?.length ?? 0) > 0;
  if (!external && spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
}

function validateService(service: Service): FieldError[] {
  const { spec = {} } = service;
  const errors: FieldError[] = validateLabels(spec.selector, 'spec.selector');
  errors.push(...validateAddresses(service), ...validateAffinity(spec));
  if (spec.type === 'ExternalName') {
    const wrong = spec.externalName ? dnsSubdomain(spec.externalName.replace(/\.$/, '')) : 'must be a DNS name';
    if (wrong) errors.push(invalidValue('spec.externalName', spec.externalName ?? '', wrong));
  } else if (spec.clusterIP !== 'None' && (spec.ports ?? []).length === 0) {
    errors.push(required('spec.ports'));
  }
  if (spec.externalTrafficPolicy !== undefined && !needsNodePorts(service) && !spec.externalIPs?.length)
    errors.push(
      invalidValue(
        'spec.externalTrafficPolicy',
        spec.externalTrafficPolicy,
        'may only be set for externally-accessible services',
      ),
    );
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
    const wrongTarget = typeof port.targetPort === 'string' ? portNameProblem(port.targetPort) : undefined;
    if (wrongTarget) errors.push(invalidValue(`${at}.targetPort`, port.targetPort, wrongTarget));
    if (port.nodePort && !needsNodePorts(service))
      errors.push(forbiddenField(`${at}.nodePort`, `may not be used when \`type\` is '${spec.type}'`));
  }
  return errors;
}

function validateAddresses(service: Service): FieldError[] {
  const { spec = {} } = service;
  const errors: FieldError[] = [];
  if (!needsClusterIp(service)) {
    if (spec.clusterIP) errors.push(forbiddenField('spec.clusterIPs', 'may not be set for ExternalName services'));
  } else {
    if (spec.clusterIPs && spec.clusterIPs[0] !== spec.clusterIP)
      errors.push(invalidValue('spec.clusterIPs', spec.clusterIPs, 'first value must match `clusterIP`'));
    if ((spec.clusterIPs?.length ?? 0) > 1)
      errors.push(invalidValue('spec.clusterIPs', spec.clusterIPs, 'may only hold 1 value: clusters have IPv4 addresses only'));
    if (spec.clusterIP && spec.clusterIP !== 'None' && parseAddress(spec.clusterIP) === undefined)
      errors.push(invalidValue('spec.clusterIPs[0]', spec.clusterIP, 'must be a valid IPv4 address, or None'));
    if (spec.clusterIP === 'None' && needsNodePorts(service))
      errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  for (const [index, address] of (spec.externalIPs ?? []).entries()) {
    const wrong = endpointAddressProblem(address);
    if (wrong) errors.push(invalidValue(`spec.externalIPs[${index}]`, address, wrong));
  }
  return errors;
}

function validateAffinity({ sessionAffinityConfig }: NonNullable<Service['spec']>): FieldError[] {
  if (!sessionAffinityConfig) return [];
  const seconds = sessionAffinityConfig.clientIP?.timeoutSeconds;
  return seconds !== undefined && seconds > 0 && seconds <= AFFINITY_SECONDS_MAX
    ? []
    : [
        invalidValue(
          'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
          seconds ?? 0,
          `must be greater than 0 and less than ${AFFINITY_SECONDS_MAX}`,
        ),
      ];
}
