import type { ReadView } from '../../keyspace/types.ts';
import { NETWORK_NAME, readNetwork } from '../../network/config.ts';
import { formatCidr } from '../../network/ipv4.ts';
import { networkOverlap } from '../../network/service-overlap.ts';
import { type Network, networkSchema } from '../schema/network.ts';
import { invalid } from '../status.ts';
import { ageColumn, nameColumn } from './columns.ts';
import type { KindDefinition } from './definition.ts';

export const networkKind: KindDefinition<'Network'> = {
  kind: 'Network',
  group: 'terrane.dev',
  version: 'v1',
  plural: 'networks',
  singular: 'network',
  shortNames: ['net'],
  categories: [],
  namespaced: false,
  subresources: ['status'],
  schema: networkSchema,
  description: 'The network of the pods: its addresses, and how they get from host to host.',
  nameRule: (name) => (name === NETWORK_NAME ? undefined : `must be '${NETWORK_NAME}': a cluster has one network`),
  countsGenerations: true,
  prepareCreate(network) {
    network.status = {};
  },
  defaults(network) {
    network.spec ??= {};
  },
  admit: refuseOverlap,
  admitUpdate: (next, _previous, view) => refuseOverlap(next, view),
  validate: ({ spec }) => [...readNetwork(spec).problems],
  validateUpdate: () => [],
  columns: [
    nameColumn,
    {
      name: 'Network',
      type: 'string',
      description: 'Addresses of the pods.',
      cell: ({ spec }) => {
        const { config } = readNetwork(spec);
        return config ? formatCidr(config.network) : '<invalid>';
      },
    },
    {
      name: 'Backend',
      type: 'string',
      description: 'How packets get from host to host.',
      cell: ({ spec }) => readNetwork(spec).config?.backend.type ?? '',
    },
    {
      name: 'Hosts',
      type: 'string',
      description: 'Hosts with a subnet, of how many.',
      cell: ({ status }) => `${status?.leased ?? 0}/${status?.capacity ?? 0}`,
    },
    {
      name: 'Waiting',
      type: 'integer',
      description: 'Hosts for which there is none.',
      cell: ({ status }) => status?.waiting?.length ?? 0,
    },
    ageColumn,
  ],
};

function refuseOverlap(network: Network, view: ReadView): void {
  const errors = networkOverlap(network, view);
  if (errors.length > 0) throw invalid(networkKind, network.metadata.name, errors);
}
