import type { Event } from '../../core/resources/schema/event.ts';
import { eventAt } from '../../core/status/event-order.ts';
import type { Condition } from '../../core/resources/schema/meta.ts';
import { type Io, line } from '../io.ts';
import type { KubeObject } from '../kube/client.ts';
import type { KindInfo } from '../kube/kinds.ts';
import { LAST_APPLIED } from '../kube/last-applied.ts';
import { type KubeTable, labelText, tableColumns } from '../kube/table.ts';
import { ageOf } from './age.ts';
import { paint, plainText } from './colour.ts';
import { printTable } from './table.ts';

export interface Described {
  readonly kind: KindInfo;
  readonly object: KubeObject;
  readonly events: readonly Event[];
  readonly pods: KubeTable | undefined;
}

/** Who it is, what was asked for, how it stands (conditions apart, as a table), its pods, what happened. */
export async function describeObject(io: Io, { kind, object, events, pods }: Described): Promise<void> {
  const { metadata } = object;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller);
  const facts: [string, string | undefined][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Age', ageOf(metadata.creationTimestamp, io.now())],
    ['Labels', labelText(metadata.labels) || undefined],
    ['Annotations', labelText(withoutLastApplied(metadata.annotations)) || undefined],
    ['Controlled by', owner && `${owner.kind}/${owner.name}`],
    ['Deleted', metadata.deletionTimestamp && `${ageOf(metadata.deletionTimestamp, io.now())} ago, waiting to end`],
  ];
  for (const [title, value] of facts) if (value !== undefined) await line(io.out, `${`${title}:`.padEnd(15)}${plainText(value)}`);

  const { apiVersion: _, kind: __, metadata: ___, status, ...rest } = object;
  const { conditions, ...state } = (status ?? {}) as { conditions?: Condition[]; [field: string]: unknown };
  for (const [name, value] of Object.entries({ ...rest, status: state })) {
    if (isEmpty(value)) continue;
    await title(io, name);
    await io.out.write(indented(await yaml(kind.kind === 'Secret' && name === 'data' ? hidden(value) : value)));
  }
  if (conditions?.length) {
    await title(io, 'conditions');
    await printTable<Condition>(
      io,
      [
        { title: '  TYPE', value: ({ type }) => `  ${type}` },
        { title: 'STATUS', value: (condition) => condition.status },
        { title: 'SINCE', value: ({ lastTransitionTime }) => ageOf(lastTransitionTime, io.now()) },
        { title: 'REASON', value: ({ reason }) => reason },
        { title: 'MESSAGE', value: ({ message }) => message },
      ],
      conditions,
    );
  }
  if (pods && pods.rows.length > 0) {
    await title(io, 'pods');
    await printTable(io, tableColumns(pods, { wide: false, namespace: false, prefix: '', labels: false }), pods.rows);
  }
  await title(io, 'events');
  if (events.length === 0) return line(io.out, '  none in the last hour');
  return printTable<Event>(
    io,
    [
      {
        title: '  TYPE',
        value: ({ type }) => `  ${type ?? '-'}`,
        colour: ({ type }) => (type === 'Warning' ? 'yellow' : undefined),
      },
      { title: 'REASON', value: ({ reason }) => reason },
      { title: 'AGE', value: (event) => age(event, io.now()) },
      { title: 'FROM', value: ({ source, reportingComponent }) => source?.component ?? reportingComponent },
      { title: 'MESSAGE', value: ({ message }) => message },
    ],
    events,
  );
}

function age(event: Event, now: number): string {
  const { firstTimestamp, count = 1 } = event;
  const last = ageOf(eventAt(event), now);
  return count > 1 ? `${last} (x${count} over ${ageOf(firstTimestamp, now)})` : last;
}

async function title(io: Io, text: string): Promise<void> {
  await line(io.out, paint(io.out, io.env, 'bold', `${text[0]!.toUpperCase()}${text.slice(1)}:`));
}

async function yaml(value: unknown): Promise<string> {
  const { stringify } = await import('../yaml.ts');
  return plainText(stringify(value, { lineWidth: 0, version: '1.1' }));
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

/** A description ends up in tickets and chats: of secrets only the sizes. */
function hidden(data: unknown): unknown {
  return Object.fromEntries(
    Object.entries(data as Record<string, string>).map(([key, value]) => [key, `${Buffer.from(value, 'base64').length} bytes`]),
  );
}

function withoutLastApplied(annotations: Record<string, string> = {}): Record<string, string> {
  const { [LAST_APPLIED]: _, ...others } = annotations;
  return others;
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0);
}
