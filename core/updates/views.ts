import type { ReadView } from '../keyspace/types.ts';
import type { SeenInstance } from '../ports/update-instances.ts';
import type { UpdateGroup } from '../resources/schema/update-group.ts';
import { listResources } from '../resources/write.ts';
import type { GroupView, InstanceView } from './api.ts';
import { readInstance, readLedger } from './book.ts';
import { lockOf } from './reboot-lock.ts';

/** What was seen of the instances, beside what the books say of their updates; by application and id. */
export function instanceViews(view: ReadView, seen: readonly SeenInstance[]): InstanceView[] {
  const groups = new Map(listResources(view, 'UpdateGroup').map(({ metadata }) => [metadata.uid, metadata.name]));
  return seen
    .map(({ application, instance, group, at, ...rest }): InstanceView => {
      const name = groups.get(group);
      const record = readInstance(view, application, instance)?.record;
      return {
        application,
        id: instance,
        ...(name !== undefined && { group: name }),
        ...rest,
        lastSeen: at,
        status: record?.status ?? 'undefined',
        ...(record?.package && { updatingTo: record.package.version, since: record.since }),
        ...(record?.errorCode !== undefined && { errorCode: record.errorCode }),
        ...(record?.message !== undefined && { message: record.message }),
        history: record?.history ?? [],
      };
    })
    .sort((a, b) => (a.application === b.application ? compare(a.id, b.id) : compare(a.application, b.application)));
}

export function groupView(view: ReadView, group: UpdateGroup): GroupView {
  const { version, underWay, completed, failed, halted } = readLedger(view, group.metadata.uid);
  const { max, holders } = lockOf(view, group);
  return {
    name: group.metadata.name,
    ...(version !== undefined && { version }),
    underWay: underWay.map(({ instance, package: { version: to }, grantedAt, progress }) => ({
      instance,
      version: to,
      grantedAt,
      progress,
    })),
    completed,
    failed,
    ...(halted && { halted }),
    reboots: { max, holders },
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
