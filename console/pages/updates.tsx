import { useEffect } from 'preact/hooks';
import type { ClusterView } from '../../core/accounts/api.ts';
import type { UpdateChannel } from '../../core/resources/schema/update-channel.ts';
import type { UpdateGroup } from '../../core/resources/schema/update-group.ts';
import type { InstanceView } from '../../core/updates/api.ts';
import { isAim } from '../../core/updates/ledger.ts';
import { ask } from '../api/http.ts';
import { Badge, Live, type Tone } from '../components/badge.tsx';
import { ClusterFrame } from '../components/cluster-frame.tsx';
import { Cli } from '../components/copy.tsx';
import { Empty, Loading, Problem } from '../components/states.tsx';
import { Table } from '../components/table.tsx';
import { When } from '../components/when.tsx';
import { plural } from '../format.ts';
import { useMay } from '../state/session.tsx';
import { useAction } from '../state/use-action.ts';
import { useLoad } from '../state/use-load.ts';
import { useWatch } from '../state/use-watch.ts';

export function UpdatesPage({ id }: { readonly id: string }) {
  return <ClusterFrame id={id}>{(cluster) => <Updates cluster={cluster} />}</ClusterFrame>;
}

/** Rollouts as they go on, and the hosts that they are about. */
function Updates({ cluster }: { readonly cluster: ClusterView }) {
  const kinds = `/clusters/${cluster.id}/apis/terrane.dev/v1`;
  const groups = useWatch<UpdateGroup>(`${kinds}/updategroups`);
  const channels = useWatch<UpdateChannel>(`${kinds}/updatechannels`);
  const instances = useLoad<{ readonly instances: readonly InstanceView[] }>(`/clusters/${cluster.id}/updates/instances`);
  // They aren't resources: what a group's status tells says when to look again.
  const told = JSON.stringify(groups.items?.map(({ status }) => status));
  useEffect(() => void (told && instances.reload()), [told]);
  const problem = groups.problem ?? channels.problem ?? instances.problem;
  if (!groups.items || !channels.items) return problem ? <Problem problem={problem} /> : <Loading what="the updates" />;
  const all = instances.data?.instances ?? [];
  return (
    <section aria-label="Updates">
      <div class="page-head">
        <p>
          {plural(groups.items.length, 'group')}, {plural(all.length, 'host')}
        </p>
        <Live live={groups.live && channels.live} />
      </div>
      <Problem problem={problem} />
      {groups.items.length === 0 && (
        <Empty>
          <p>No group of hosts follows a channel yet. The command line makes one.</p>
        </Empty>
      )}
      {groups.items.map((group) => (
        <GroupCard
          key={group.metadata.uid}
          cluster={cluster}
          group={group}
          instances={all.filter((instance) => instance.group === group.metadata.name)}
        />
      ))}
      {channels.items.length > 0 && (
        <>
          <h2>Channels</h2>
          <Table
            caption="Channels and the packages that they name"
            rows={channels.items}
            keyOf={({ metadata }) => metadata.uid}
            columns={[
              { title: 'Channel', cell: ({ metadata }) => metadata.name },
              { title: 'Of', cell: ({ spec }) => spec.application },
              { title: 'Names', cell: ({ spec }) => packagesOf(spec.packages) },
            ]}
          />
        </>
      )}
      <Cli>
        {[
          `terrane update channel create stable --cluster ${cluster.name}`,
          `terrane update group create prod --channel stable --cluster ${cluster.name}`,
          `terrane update rollout watch prod --cluster ${cluster.name}`,
        ]}
      </Cli>
    </section>
  );
}

function packagesOf(packages: Readonly<Record<string, string>> = {}): string {
  return (
    Object.entries(packages)
      .map(([arch, name]) => `${name} (${arch})`)
      .join(', ') || 'nothing yet'
  );
}

interface GroupCardProps {
  readonly cluster: ClusterView;
  readonly group: UpdateGroup;
  readonly instances: readonly InstanceView[];
}

function GroupCard({ cluster, group, instances }: GroupCardProps) {
  const { metadata, spec, status = {} } = group;
  const { name } = metadata;
  const target = status.version;
  const arrived = instances.filter(({ version }) => isAim(target, version)).length;
  return (
    <article class="card" aria-labelledby={`group-${name}`}>
      <div class="page-head">
        <h2 id={`group-${name}`}>{name}</h2>
        <State group={group} />
      </div>
      {status.halted && (
        <p>
          Stopped <When at={status.halted.at} />: {status.halted.reason}. Look at its hosts and Events, then let it go on.
        </p>
      )}
      <p>
        Follows{' '}
        {spec.pin === undefined ? `the channel ${spec.channel}` : `the package ${spec.pin}, whatever ${spec.channel} names`}.{' '}
        {target === undefined
          ? 'Nothing was given yet.'
          : `${arrived} of ${plural(instances.length, 'host')} run ${target}; ${status.underWay ?? 0} under way, ${status.failed ?? 0} failed.`}
      </p>
      {target !== undefined && instances.length > 0 && (
        <progress aria-label={`Rollout of ${target} to ${name}`} max={instances.length} value={arrived} />
      )}
      {(status.reboots ?? []).length > 0 && (
        <ul class="lines">
          {status.reboots!.map(({ id, since, node, draining }) => (
            <li key={id}>
              <span class="name">{node ?? id}</span> {draining ? 'is emptied for its reboot' : 'reboots'}{' '}
              <span class="quiet">
                since <When at={since} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <details open={instances.length > 0 && instances.length <= 12}>
        <summary>{plural(instances.length, 'host')}</summary>
        <Hosts name={name} instances={instances} />
      </details>
      <Switch cluster={cluster} group={group} />
    </article>
  );
}

function State({ group: { spec, status } }: { readonly group: UpdateGroup }) {
  if (status?.halted) return <Badge tone="bad">Halted</Badge>;
  if (spec.paused) return <Badge tone="warn">Paused</Badge>;
  if (spec.policy?.enabled === false) return <Badge tone="plain">Disabled</Badge>;
  return <Badge tone="good">Active</Badge>;
}

const TONES: Readonly<Record<string, Tone>> = { complete: 'good', error: 'bad', undefined: 'plain' };
const WORDS: Readonly<Record<string, string>> = {
  undefined: 'waits',
  installed: 'reboot pending',
  complete: 'done',
  error: 'failed',
};

function Hosts({ name, instances }: { readonly name: string; readonly instances: readonly InstanceView[] }) {
  return (
    <>
      <ul class="lines" aria-label={`Versions in ${name}`}>
        {countsOf(instances).map(([version, count]) => (
          <li key={version}>
            <span class="name">{version}</span> {plural(count, 'host')}
          </li>
        ))}
      </ul>
      <Table
        caption={`Hosts of ${name}`}
        rows={instances.slice(0, SHOWN_MAX)}
        keyOf={({ application, id }) => `${application}/${id}`}
        columns={[
          { title: 'Host', cell: ({ id, alias }) => alias || id.slice(0, 12) },
          { title: 'Version', cell: ({ version }) => version },
          {
            title: 'State',
            cell: ({ status, updatingTo, errorCode }) => (
              <>
                <Badge tone={TONES[status] ?? 'warn'}>{WORDS[status] ?? status}</Badge> {status !== 'undefined' && updatingTo}{' '}
                {errorCode !== undefined && `error ${errorCode}`}
              </>
            ),
          },
          { title: 'Seen', cell: ({ lastSeen }) => <When at={new Date(lastSeen).toISOString()} /> },
        ]}
      />
      {instances.length > SHOWN_MAX && <p class="hint">The first {SHOWN_MAX}; the command line lists all.</p>}
    </>
  );
}

/** More rows than that nobody reads. */
const SHOWN_MAX = 200;

function countsOf(instances: readonly InstanceView[]): [version: string, count: number][] {
  const counts = new Map<string, number>();
  for (const { version } of instances) counts.set(version, (counts.get(version) ?? 0) + 1);
  return [...counts].sort(([, a], [, b]) => b - a);
}

function Switch({ cluster, group }: Pick<GroupCardProps, 'cluster' | 'group'>) {
  const may = useMay('editor');
  const { name } = group.metadata;
  const stopped = group.spec.paused === true || group.status?.halted !== undefined;
  const action = useAction(async () => {
    const path = `/clusters/${cluster.id}/apis/terrane.dev/v1/updategroups/${encodeURIComponent(name)}`;
    await ask(path, {
      method: 'PATCH',
      body: { spec: { paused: stopped ? null : true } },
      contentType: 'application/merge-patch+json',
    });
    if (stopped) await ask(`/clusters/${cluster.id}/updates/groups/${encodeURIComponent(name)}/resume`, { method: 'POST' });
  });
  if (!may) return null;
  return (
    <>
      <Problem problem={action.problem} />
      <button type="button" disabled={action.busy} onClick={() => void action.run()}>
        {stopped ? 'Resume' : 'Pause'}
        <span class="sr-only"> {name}</span>
      </button>
    </>
  );
}
