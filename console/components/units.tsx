import type { ClusterView } from '../../core/accounts/api.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { Table } from './table.tsx';
import { hostsOf, UnitState, unitPath } from './unit-state.tsx';

/** All systemd units of a cluster: what there is, where, and how it stands. */
export function Units({ cluster, units }: { readonly cluster: ClusterView; readonly units: readonly Unit[] }) {
  return (
    <Table
      caption="Units"
      rows={[...units].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))}
      keyOf={({ metadata }) => metadata.uid}
      columns={[
        {
          title: 'Unit',
          cell: ({ metadata }) => (
            <a class="name" href={unitPath(cluster.id, metadata.name)}>
              {metadata.name}
            </a>
          ),
        },
        { title: 'Host', cell: hostsOf },
        { title: 'State', cell: (unit) => <UnitState unit={unit} /> },
      ]}
    />
  );
}
