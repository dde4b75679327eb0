import { endpointAddressProblem } from '../../network/endpoint-address.ts';
import { duplicate, type FieldError, immutable, invalidValue, notSupported, required } from '../field-error.ts';
import { dnsLabel, dnsSubdomain } from '../names.ts';
import { type EndpointSlice, endpointSliceSchema } from '../schema/endpoint-slice.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

const ENDPOINTS_MAX = 1000;
const PORTS_MAX = 100;
const SHOWN = 3;

export const endpointSliceKind: KindDefinition<'EndpointSlice'> = {
  kind: 'EndpointSlice',
  group: 'discovery.k8s.io',
  version: 'v1',
  plural: 'endpointslices',
  singular: 'endpointslice',
  shortNames: [],
  categories: [],
  namespaced: true,
  subresources: [],
  schema: endpointSliceSchema,
  description: 'Some of the addresses behind a Service: of its pods, or written by hand for one without a selector.',
  nameRule: dnsSubdomain,
  countsGenerations: true,
  defaults(slice) {
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
  },
  validate: validateSlice,
  validateUpdate: (next, previous) =>
    next.addressType === previous.addressType ? [] : [immutable('addressType', next.addressType)],
  columns: [
    nameColumn,
    { name: 'AddressType', type: 'string', description: 'Kind of the addresses.', cell: ({ addressType }) => addressType },
    { name: 'Ports', type: 'string', description: 'Ports of the endpoints.', cell: portsText },
    { name: 'Endpoints', type: 'string', description: 'Addresses of the endpoints.', cell: endpointsText },
    ageColumn,
  ],
};

function portsText({ ports = [] }: EndpointSlice): string {
  return shortened(ports.map(({ port }) => (port === undefined ? '*' : String(port))));
}

function endpointsText({ endpoints = [] }: EndpointSlice): string {
  return shortened(endpoints.map(({ addresses }) => addresses[0] ?? ''));
}

function shortened(texts: readonly string[]): string {
  if (texts.length === 0) return '<unset>';
  const more = texts.length > SHOWN ? ` + ${texts.length - SHOWN} more...` : '';
  return texts.slice(0, SHOWN).join(',') + more;
}

function validateSlice({ addressType, endpoints = [], ports = [] }: EndpointSlice): FieldError[] {
  const errors: FieldError[] = [];
  if (addressType === '') errors.push(required('addressType'));
  else if (addressType !== 'IPv4') errors.push(notSupported('addressType', addressType, ['IPv4']));
  if (endpoints.length > ENDPOINTS_MAX) errors.push(tooMany('endpoints', ENDPOINTS_MAX));
  if (ports.length > PORTS_MAX) errors.push(tooMany('ports', PORTS_MAX));
  for (const [index, { addresses, hostname }] of endpoints.entries()) {
    const at = `endpoints[${index}]`;
    if (addresses.length === 0) errors.push(required(`${at}.addresses`, 'must contain at least 1 address'));
    for (const [number, address] of addresses.entries()) {
      const wrong = endpointAddressProblem(address);
      if (wrong) errors.push(invalidValue(`${at}.addresses[${number}]`, address, wrong));
    }
    const wrong = hostname === undefined ? undefined : dnsLabel(hostname);
    if (wrong) errors.push(invalidValue(`${at}.hostname`, hostname, wrong));
  }
  const names = new Set<string>();
  for (const [index, { name = '' }] of ports.entries()) {
    const at = `ports[${index}].name`;
    const wrong = name === '' ? undefined : dnsLabel(name);
    if (wrong) errors.push(invalidValue(at, name, wrong));
    if (names.has(name)) errors.push(duplicate(at, name));
    names.add(name);
  }
  return errors;
}

function tooMany(field: string, max: number): FieldError {
  return { reason: 'FieldValueTooMany', field, message: `Too many: must have at most ${max} items` };
}
