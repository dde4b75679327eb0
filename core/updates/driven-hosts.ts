import { parseDuration } from '../resources/go-duration.ts';
import type { Node } from '../resources/schema/node.ts';
import type { UpdateDriverName, UpdateGroup } from '../resources/schema/update-group.ts';
import { matchesSelector } from '../resources/selectors.ts';
import { applicationOf } from './settings.ts';

/** One thing that a host's agent keeps up to date: part of its assignment. */
export interface AssignedUpdate {
  /** Name of the UpdateGroup. */
  readonly group: string;
  readonly application: string;
  readonly driver: UpdateDriverName;
  readonly checkSeconds: number;
  readonly health: UpdateHealth;
}

/** What must hold after an update, beside that the agent reaches the control plane and its engine answers. */
export interface UpdateHealth {
  readonly timeoutSeconds: number;
  readonly units: readonly string[];
  readonly command?: readonly string[];
}

/** Drivers of the operating system: a host follows one group of these, and one of `agent` beside it. */
const isOs = (driver: UpdateDriverName): boolean => driver !== 'agent';

/** The groups whose `hosts` select the node: of those for the operating system, and of those for the agent, the first by name. */
export function updatesOfNode(groups: readonly UpdateGroup[], node: Node): AssignedUpdate[] {
  const selecting = groups.filter(
    ({ metadata, spec }) =>
      spec.hosts &&
      !metadata.deletionTimestamp &&
      matchesSelector({ matchLabels: spec.hosts.matchLabels ?? {} }, node.metadata.labels),
  );
  return [true, false].flatMap((os) => {
    const group = selecting.find(({ spec }) => isOs(spec.hosts!.driver) === os);
    return group ? [assigned(group)] : [];
  });
}

function assigned({ metadata, spec }: UpdateGroup): AssignedUpdate {
  const { driver, checkEvery, health = {} } = spec.hosts!;
  return {
    group: metadata.name,
    application: applicationOf(spec.application),
    driver,
    checkSeconds: seconds(checkEvery, 300),
    health: {
      timeoutSeconds: seconds(health.timeout, 300),
      units: health.units ?? [],
      ...(health.command && { command: health.command }),
    },
  };
}

function seconds(text: string | undefined, fallback: number): number {
  const ms = text === undefined ? undefined : parseDuration(text);
  return ms === undefined ? fallback : Math.ceil(ms / 1000);
}
