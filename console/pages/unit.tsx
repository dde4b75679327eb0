import { useState } from 'preact/hooks';
import type { ClusterView } from '../../core/accounts/api.ts';
import type { Event } from '../../core/resources/schema/event.ts';
import { eventAt, inOrder } from '../../core/status/event-order.ts';
import type { Unit, UnitHost } from '../../core/resources/schema/unit.ts';
import { Live } from '../components/badge.tsx';
import { ClusterFrame } from '../components/cluster-frame.tsx';
import { Cli } from '../components/copy.tsx';
import { Journal } from '../components/journal.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { Table } from '../components/table.tsx';
import { UnitActions } from '../components/unit-actions.tsx';
import { UnitState } from '../components/unit-state.tsx';
import { When } from '../components/when.tsx';
import { useWatch } from '../state/use-watch.ts';

export function UnitPage({ id, name }: { readonly id: string; readonly name: string }) {
  return <ClusterFrame id={id}>{(cluster) => <OneUnit key={name} cluster={cluster} name={name} />}</ClusterFrame>;
}

function OneUnit({ cluster, name }: { readonly cluster: ClusterView; readonly name: string }) {
  const kinds = `/clusters/${cluster.id}/apis/terrane.dev/v1/units`;
  const { items, live, problem } = useWatch<Unit>(`${kinds}?${new URLSearchParams({ fieldSelector: `metadata.name=${name}` })}`);
  if (!items) return problem ? <Problem problem={problem} /> : <Loading what="the unit" />;
  const [unit] = items;
  const resource = `${kinds}/${encodeURIComponent(name)}`;
  return (
    <section aria-labelledby="unit">
      <div class="page-head">
        <h2 id="unit">{name}</h2>
        <Live live={live} />
      </div>
      <Problem problem={problem} />
      {unit ? (
        <Details cluster={cluster} unit={unit} resource={resource} />
      ) : (
        <Empty>
          <p>
            There is no such unit, or no longer. <a href={`/cluster/${cluster.id}/workloads`}>The others</a>.
          </p>
        </Empty>
      )}
      {unit && <CommandLine name={unit.metadata.name} cluster={cluster} />}
    </section>
  );
}

/** Of a unit that there is: what stands in an address, whoever wrote it, is not for anybody's shell. */
function CommandLine({ name, cluster }: { readonly name: string; readonly cluster: ClusterView }) {
  // The one character of unit names that shells take for another.
  const word = name.includes('\\') ? `'${name}'` : name;
  return (
    <Cli>{['status', 'journal --follow', 'cat'].map((verb) => `terrane unit ${verb} ${word} --cluster ${cluster.name}`)}</Cli>
  );
}

interface DetailsProps {
  readonly cluster: ClusterView;
  readonly unit: Unit;
  readonly resource: string;
}

function Details({ cluster, unit, resource }: DetailsProps) {
  const hosts = unit.status?.hosts ?? [];
  const said = hosts.filter(({ uid, hash }) => uid === undefined && hash !== undefined).map(({ nodeName }) => nodeName);
  return (
    <>
      <div>
        <UnitState unit={unit} />
      </div>
      <UnitActions cluster={cluster} unit={unit} resource={resource} />
      {hosts.length > 0 && (
        <>
          <h3>Hosts</h3>
          <Hosts hosts={hosts} />
        </>
      )}
      {said.length > 0 && <JournalOf hosts={said} resource={resource} />}
      <h3>What happened</h3>
      <Events cluster={cluster} unit={unit} />
      <h3>Unit file</h3>
      <pre tabIndex={0} aria-label="unit file">
        <code translate={false}>{unit.spec.contents}</code>
      </pre>
    </>
  );
}

function Hosts({ hosts }: { readonly hosts: readonly UnitHost[] }) {
  const noteOf = ({ error, leaving }: UnitHost) => error ?? (leaving && `leaving: ${leaving}`);
  return (
    <Table
      caption="Hosts of the unit"
      rows={hosts}
      keyOf={({ nodeName, placement }) => `${nodeName} ${placement}`}
      columns={[
        { title: 'Host', cell: ({ nodeName }) => <span class="name">{nodeName}</span> },
        {
          title: 'systemd',
          cell: ({ activeState, subState, loadState }) =>
            activeState === undefined
              ? 'not heard yet'
              : [activeState, subState !== activeState && `(${subState})`, loadState !== 'loaded' && `, ${loadState}`]
                  .filter(Boolean)
                  .join(' '),
        },
        { title: 'Since', cell: ({ since }) => (since === undefined ? '-' : <When at={since} />) },
        ...(hosts.some(noteOf) ? [{ title: 'Note', cell: (host: UnitHost) => noteOf(host) ?? '-' }] : []),
      ]}
    />
  );
}

function JournalOf({ hosts, resource }: { readonly hosts: readonly string[]; readonly resource: string }) {
  const [chosen, setChosen] = useState('');
  const host = hosts.includes(chosen) ? chosen : hosts[0]!;
  return (
    <>
      <h3>Journal</h3>
      {hosts.length > 1 && (
        <label>
          on{' '}
          <select value={host} onChange={({ currentTarget }) => setChosen(currentTarget.value)}>
            {hosts.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      )}
      <Journal key={host} resource={resource} host={host} />
    </>
  );
}

function Events({ cluster, unit }: Pick<DetailsProps, 'cluster' | 'unit'>) {
  const fieldSelector = `involvedObject.kind=Unit,involvedObject.uid=${unit.metadata.uid}`;
  const { items, problem } = useWatch<Event>(`/clusters/${cluster.id}/api/v1/events?${new URLSearchParams({ fieldSelector })}`);
  if (!items) return problem ? <Problem problem={problem} /> : <Loading what="its Events" />;
  if (items.length === 0) return <p class="quiet">Nothing in the last hours.</p>;
  return (
    <Table
      caption="What happened to the unit"
      rows={[...items].sort(inOrder).reverse()}
      keyOf={({ metadata }) => metadata.uid}
      columns={[
        { title: 'When', cell: (event) => <When at={eventAt(event)} /> },
        {
          title: 'What',
          cell: ({ reason, count = 1 }) => `${reason}${count > 1 ? `, ${count} times` : ''}`,
        },
        { title: 'Message', cell: ({ message }) => message },
      ]}
    />
  );
}
