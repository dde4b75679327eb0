import { getResource, createResource, deleteResource, updateResource, type WriteContext } from '../../../core/resources/write.ts';
import type { TxnView } from '../../../core/keyspace/types.ts';
import { FENCED_ANNOTATION } from '../../../core/node/fencing.ts';
import type { Unit } from '../../../core/resources/schema/unit.ts';
import { putUnit } from '../../../core/fleet/api/put-unit.ts';
import { parseUnitFile } from '../../../core/fleet/unit-file.ts';
import { deployment } from '../../support/builders.ts';
import { SLEEPER } from '../../support/units.ts';

/** What people have a simulated cluster run: units of each kind of wish, fenced pods and ordinary ones. */

export const FENCED_PODS = 2;

export const UNITS: Readonly<Record<string, string>> = {
  'db.service': '',
  'pinned.service': 'MachineMetadata=disk=ssd',
  'ping.service': '',
  'pong.service': 'MachineOf=ping.service',
  'one@1.service': 'Conflicts=one@*.service',
  'one@2.service': 'Conflicts=one@*.service',
  'loose.service': 'Fenced=false',
  'all.service': 'Global=true',
};

export const isFencedName = (name: string) => !['loose.service', 'all.service'].includes(name);

export function textOf(fleet: string): string {
  return `${SLEEPER}[X-Fleet]\n${fleet}\n`;
}

export function createWorkload(txn: TxnView, ctx: WriteContext): void {
  for (const [name, fleet] of Object.entries(UNITS))
    createResource(txn, 'Unit', { metadata: { name }, spec: { contents: textOf(fleet) } }, ctx);
  const labels = { app: 'vault' };
  const template = {
    metadata: { labels, annotations: { [FENCED_ANNOTATION]: 'true' } },
    spec: { containers: [{ name: 'vault', image: 'vault:1' }], terminationGracePeriodSeconds: 10 },
  };
  const spec = { replicas: FENCED_PODS, selector: { matchLabels: labels }, template };
  createResource(txn, 'ReplicaSet', { metadata: { name: 'vault', namespace: 'default' }, spec }, ctx);
  createResource(txn, 'Deployment', deployment('web', { replicas: 3 }), ctx);
}

/** What people do with a unit. Each is one transaction; nothing if there is no such unit any more. */
export type Act = (txn: TxnView, ctx: WriteContext) => void;

export function changed(name: string, change: (spec: Unit['spec']) => Unit['spec']): Act {
  return (txn, ctx) => {
    const unit = getResource(txn, 'Unit', '', name);
    if (unit && !unit.metadata.deletionTimestamp) updateResource(txn, { ...unit, spec: change(unit.spec) }, ctx);
  };
}

export function destroyed(name: string): Act {
  return (txn, ctx) => {
    const unit = getResource(txn, 'Unit', '', name);
    if (unit && !unit.metadata.deletionTimestamp) deleteResource(txn, 'Unit', '', name, {}, ctx);
  };
}

/** As fleetctl does it after a destroy, without waiting. */
export function madeAnew(name: string, fleet: string): Act {
  return (txn, ctx) => void putUnit(txn, name, { options: parseUnitFile(textOf(fleet)), desiredState: 'launched' }, ctx);
}
