import { boundUnits, unitsToLeave } from '../../core/controllers/units/emptied.ts';
import { isDrained } from '../../core/node/drain.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { CliError } from '../errors.ts';
import { type Io, line } from '../io.ts';
import { duration } from '../output/age.ts';
import type { KubeClient } from './client.ts';
import { NODE, UNIT } from './kinds.ts';

/** What became of one unit of a drained node: on another host, on none for a reason, or still there for one. */
export interface DrainedUnit {
  readonly name: string;
  /** undefined: on no host (any more). */
  readonly host?: string;
  readonly why?: string;
}

const LOOK_MS = 500;

/** The control plane moves the units of a node that is marked as drained (core/node/drain.ts): waits until it has, and tells where each went. */
export async function drainUnits(
  io: Io,
  kube: KubeClient,
  node: string,
  { deadline, quiet }: { readonly deadline: number; readonly quiet: boolean },
): Promise<DrainedUnit[]> {
  const started = io.now();
  const here = (await units(kube)).filter((unit) => isOn(unit, node));
  const stayed = [...boundUnits(here)].map(([name, why]) => ({ name, host: node, why }));
  for (const { name, why } of stayed) if (!quiet) await line(io.err, `unit ${name} stays: ${why}`);
  const waited = new Set(unitsToLeave(here, node).map(({ metadata }) => metadata.uid));
  const moved: DrainedUnit[] = [];
  while (waited.size > 0) {
    const now = new Map((await units(kube)).map((unit) => [unit.metadata.uid, unit]));
    for (const { metadata } of here) {
      if (!waited.has(metadata.uid)) continue;
      const found = whereabouts(metadata.name, now.get(metadata.uid), node);
      if (!found) continue;
      waited.delete(metadata.uid);
      moved.push(found);
      if (!quiet) await line(io.err, said(found));
    }
    if (waited.size === 0) break;
    const names = here.filter(({ metadata }) => waited.has(metadata.uid)).map(({ metadata }) => metadata.name);
    // They may stay there now, or come back: that would be waited for without end.
    if (!isDrained(await kube.get(NODE, { name: node })))
      throw new CliError(`node ${node} was uncordoned before ${names.join(', ')} had left it`, {
        fix: `Drain it again: terrane node drain ${node}`,
      });
    if (io.now() > deadline) {
      throw new CliError(`${names.join(', ')}: still being stopped after ${duration(io.now() - started)}`, {
        fix: `The node stays cordoned, and goes on being drained. Why it takes so long, and until when: terrane unit status ${names[0]}`,
      });
    }
    await io.sleep(LOOK_MS);
  }
  return [...moved, ...stayed];
}

async function units(kube: KubeClient): Promise<readonly Unit[]> {
  return (await kube.list<Unit>(UNIT, undefined)).items;
}

const isOn = ({ status }: Unit, node: string) => status?.hosts?.some(({ nodeName }) => nodeName === node) ?? false;

/** undefined: that is not decided yet. */
function whereabouts(name: string, unit: Unit | undefined, node: string): DrainedUnit | undefined {
  if (!unit) return { name, why: 'it was destroyed' };
  if (isOn(unit, node)) return undefined;
  const [host] = unit.status?.hosts ?? [];
  if (host) return { name, host: host.nodeName };
  const placed = unit.status?.conditions?.find(({ type }) => type === 'Placed');
  return placed?.status === 'False' ? { name, why: placed.message ?? '' } : undefined;
}

function said({ name, host, why }: DrainedUnit): string {
  return host === undefined ? `unit ${name} is on no host: ${why}` : `unit ${name} is on ${host}`;
}
