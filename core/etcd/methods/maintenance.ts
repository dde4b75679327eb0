import { ALARMS_PROPERTY, alarmsOf } from '../alarms.ts';
import type { Permits } from '../auth/permits.ts';
import { CODE, EtcdError } from '../errors.ts';
import { hashOf } from '../hash.ts';
import { disarm, raise } from '../space.ts';
import type { AlarmMember } from '../service.ts';
import type { MethodContext, Methods } from './methods.ts';

/** The release of etcd whose behaviour this is. Clients switch features on by it. */
export const ETCD_VERSION = '3.4.31';

type MaintenanceMethod = 'MemberList' | 'Status' | 'Alarm' | 'Defragment' | 'Hash' | 'HashKV';

export function maintenanceMethods(context: MethodContext): Pick<Methods, MaintenanceMethod> {
  const { keyspace, member, permits, timing } = context;
  const rest = () => timing.pause(0);
  const alarms = () => alarmsOf(keyspace.property(ALARMS_PROPERTY));

  return {
    /** Without a revision in its header, as etcd answers. */
    async MemberList() {
      return { revision: 0, members: [member] };
    },
    async Status() {
      const { revision } = await keyspace.sync();
      const errors = alarms().map(({ memberId, alarm }) => `memberID:${memberId} alarm:${alarm} `);
      return { revision, version: ETCD_VERSION, dbSize: keyspace.bytes, dbSizeInUse: keyspace.bytes, errors };
    },
    async Alarm({ action, memberId, alarm }, caller) {
      if (action === 'GET') {
        const { revision } = await keyspace.sync();
        return { revision, alarms: alarms().filter((each) => alarm === 'NONE' || each.alarm === alarm) };
      }
      if (alarm === 'NONE') return { revision: (await keyspace.sync()).revision, alarms: [] };
      const raised: AlarmMember = { memberId, alarm };
      // Not by `write`, which refuses while an alarm says that the store is corrupt.
      const { revision, result } = await keyspace.transact((txn) => {
        permits(txn, caller).known();
        if (action === 'DEACTIVATE') return disarm(txn, raised);
        raise(txn, raised);
        return true;
      });
      return { revision, alarms: result ? [raised] : [] };
    },
    /** There is nothing to defragment: memory is given back as it is freed. */
    async Defragment(_, caller) {
      const { revision } = await keyspace.sync();
      requireAdmin(permits(keyspace, caller));
      return { revision };
    },
    async Hash(_, caller) {
      const view = await keyspace.sync();
      requireAdmin(permits(keyspace, caller));
      return { revision: view.revision, hash: await hashOf(view, rest) };
    },
    async HashKV(request, caller) {
      const view = await keyspace.sync();
      requireAdmin(permits(keyspace, caller));
      const at = request.revision > 0 ? keyspace.at(request.revision) : view;
      const hash = await hashOf(at, rest);
      return { revision: view.revision, hash, compactRevision: keyspace.compactRevision };
    },
  };
}

/** In the words that etcd has here: other ones than everywhere else. */
export function requireAdmin(permits: Permits): void {
  try {
    permits.admin();
  } catch (error) {
    if (!(error instanceof EtcdError)) throw error;
    if (error.code === CODE.permissionDenied) throw EtcdError.of('adminDenied');
    throw error.code === CODE.invalidArgument ? EtcdError.of('adminEmpty') : error;
  }
}
