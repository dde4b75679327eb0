import { currentStateOf, type UnitState } from '../../core/fleet/current-state.ts';
import { nearest } from '../../core/fleet/nearest.ts';
import { hasUnitType } from '../../core/fleet/unit-name.ts';
import type { Unit } from '../../core/resources/schema/unit.ts';
import { CliError } from '../errors.ts';
import { type KubeClient, kindPath } from '../kube/client.ts';
import { UNIT } from '../kube/kinds.ts';

/** A cluster's Units. */

/** As people write them: `web` is `web.service`, as is `web.1` of `web.1.service`; a path is the name of its file. */
export function unitName(text: string): string {
  const name = text.slice(text.lastIndexOf('/') + 1);
  return hasUnitType(name) ? name : `${name}.service`;
}

export async function findUnit(kube: KubeClient, name: string): Promise<Unit | undefined> {
  try {
    return await kube.get<Unit>(UNIT, { name });
  } catch (error) {
    if (error instanceof CliError && error.status === 404) return undefined;
    throw error;
  }
}

export async function needUnit(kube: KubeClient, name: string): Promise<Unit> {
  const unit = await findUnit(kube, name);
  if (unit) return unit;
  throw new CliError(`there is no unit ${name}`, { code: 'not_found', fix: await meant(kube, name, 'terrane unit list-files') });
}

/** What to do about a name that nobody has: `otherwise`, and before that, what was probably meant. */
export async function meant(kube: KubeClient, name: string, otherwise: string): Promise<string> {
  const { items } = await kube.list<Unit>(UNIT, undefined);
  const names = items.map(({ metadata }) => metadata.name);
  // A type that is misspelt got another one behind it.
  const near = nearest(name, names) ?? nearest(name.replace(/\.service$/, ''), names);
  return near === undefined ? otherwise : `Did you mean ${near}? ${otherwise}`;
}

/** What `ask` gives. That there is no such unit is said as every command says it. */
export async function askOfUnit<T>(kube: KubeClient, name: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CliError && error.status === 404) await needUnit(kube, name);
    throw error;
  }
}

export function createUnit(kube: KubeClient, name: string, spec: Unit['spec']): Promise<Unit> {
  const body = { apiVersion: 'terrane.dev/v1', kind: 'Unit', metadata: { name }, spec };
  return kube.json<Unit>({ method: 'POST', path: kindPath(UNIT, {}), body });
}

export function changeUnit(kube: KubeClient, name: string, spec: Partial<Unit['spec']>): Promise<Unit> {
  return kube.json<Unit>({
    method: 'PATCH',
    path: kindPath(UNIT, { name }),
    contentType: 'application/merge-patch+json',
    body: { spec },
  });
}

export const stateOf = (unit: Unit): UnitState => currentStateOf(unit);

export function hostsOf(unit: Unit): string[] {
  return (unit.status?.hosts ?? []).map(({ nodeName }) => nodeName);
}
