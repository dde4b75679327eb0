import type { UpdateGroup } from '../resources/schema/update-group.ts';
import type { InstanceView } from './api.ts';
import { isAim } from './ledger.ts';

/** Instances that were silent for longer are not counted: they are gone, or not yet forgotten. */
const SEEN_MS = 24 * 3_600_000;
/** What hosts call themselves is theirs: beyond so many versions a group they count as one. */
const VERSIONS_MAX = 50;

/** A cluster's rollouts in Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/). */
export function updateMetrics(groups: readonly UpdateGroup[], instances: readonly InstanceView[], now: number): string {
  const there = instances.filter(({ lastSeen }) => now - lastSeen <= SEEN_MS);
  const lines = metric('terrane_update_instances', 'Instances seen within a day, by what they run and do.', countsOf(there));
  const gauges: readonly (readonly [string, string, (group: UpdateGroup) => number])[] = [
    ['under_way', 'Updates that have begun.', ({ status }) => status?.underWay ?? 0],
    ['completed', 'Instances that reached the version that is rolled out.', ({ status }) => status?.completed ?? 0],
    ['failed', 'Updates to that version that went wrong.', ({ status }) => status?.failed ?? 0],
    ['halted', '1: the rules stopped it.', ({ status }) => (status?.halted ? 1 : 0)],
    ['paused', '1: a person stopped it.', ({ spec }) => (spec.paused ? 1 : 0)],
    ['reboot_slots', 'Hosts that may reboot at a time.', ({ spec }) => spec.reboots?.max ?? 1],
    ['reboot_slots_held', 'Hosts that drain or reboot.', ({ status }) => status?.reboots?.length ?? 0],
    ['progress_ratio', 'Part of its instances that run the version that is rolled out.', (group) => progress(group, there)],
  ];
  for (const [name, help, value] of gauges) {
    const samples = groups.map((group) => [{ group: group.metadata.name }, value(group)] as const);
    lines.push(...metric(`terrane_update_group_${name}`, help, samples));
  }
  return `${lines.join('\n')}\n`;
}

function progress({ metadata, status }: UpdateGroup, instances: readonly InstanceView[]): number {
  const own = instances.filter(({ group }) => group === metadata.name);
  return own.length === 0 ? 0 : own.filter(({ version }) => isAim(status?.version, version)).length / own.length;
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

function countsOf(instances: readonly InstanceView[]): Sample[] {
  const counts = new Map<string, { labels: Labels; count: number }>();
  const versions = new Map<string, Set<string>>();
  for (const { group = '', application, version, status } of instances) {
    const known = versions.get(group) ?? new Set();
    versions.set(group, known);
    if (known.size < VERSIONS_MAX) known.add(version);
    const labels = { group, application, version: known.has(version) ? version : 'other', status };
    const key = JSON.stringify(Object.values(labels));
    counts.set(key, { labels, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].map(({ labels, count }) => [labels, count]);
}

function metric(name: string, help: string, samples: readonly Sample[]): string[] {
  const lines = samples.map(([labels, value]) => {
    const written = Object.entries(labels).map(([label, text]) => `${label}="${escape(text)}"`);
    return `${name}{${written.join(',')}} ${value}`;
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, ...lines];
}

const escape = (text: string): string => text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
