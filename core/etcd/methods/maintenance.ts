import type { MethodContext, Methods } from './methods.ts';

/** The release of etcd whose behaviour this is. Clients switch features on by it. */
export const ETCD_VERSION = '3.4.31';

export function maintenanceMethods({ keyspace, member }: MethodContext): Pick<Methods, 'MemberList' | 'Status'> {
  return {
    async MemberList() {
      return { revision: (await keyspace.sync()).revision, members: [member] };
    },
    async Status() {
      const { revision } = await keyspace.sync();
      return { revision, version: ETCD_VERSION, dbSize: keyspace.bytes, dbSizeInUse: keyspace.bytes, errors: [] };
    },
  };
}
