/** The agent's own numbers in Prometheus' text format, written by hand: a library would cost more memory than all of them. */
export interface Metrics {
  count(name: CounterName, labels?: Readonly<Record<string, string>>): void;
  /** The exposition, gauges as of now. */
  text(gauges: Readonly<Record<string, Gauge>>): string;
}

export interface Gauge {
  readonly help: string;
  /** One for the host, or some with labels. */
  readonly value: number | readonly { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const COUNTERS = {
  terrane_agent_steps_total: 'Steps carried out, by kind and result.',
  terrane_agent_assignments_total: 'Assignments received that differed from the one before.',
  terrane_agent_reports_total: 'Reports that the control plane received.',
  terrane_agent_container_starts_total: 'Containers started.',
  terrane_agent_log_streams_total: 'Log streams answered.',
} as const;
export type CounterName = keyof typeof COUNTERS;

export function metrics(): Metrics {
  const counters = new Map<CounterName, Map<string, number>>();
  return {
    count(name, labels = {}) {
      const series = counters.get(name) ?? new Map<string, number>();
      counters.set(name, series);
      const key = labelText(labels);
      series.set(key, (series.get(key) ?? 0) + 1);
    },
    text(gauges) {
      const lines: string[] = [];
      for (const [name, help] of Object.entries(COUNTERS) as [CounterName, string][]) {
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`);
        const series = counters.get(name) ?? new Map([['', 0]]);
        for (const [labels, value] of series) lines.push(`${name}${labels} ${value}`);
      }
      for (const [name, { help, value }] of Object.entries(gauges)) {
        const series = typeof value === 'number' ? [{ labels: {}, value }] : value;
        lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} gauge`);
        for (const one of series) lines.push(`${name}${labelText(one.labels)} ${one.value}`);
      }
      return `${lines.join('\n')}\n`;
    },
  };
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}="${value.replace(/["\\\n]/g, '_')}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
