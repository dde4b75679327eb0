import { EtcdError } from './errors.ts';
import type { EtcdMethod, EtcdRequestOf, EtcdService } from './service.ts';
import { isReadOnly } from './txn.ts';
import type { TxnRequest } from './requests.ts';

/** Methods that change nothing whatever they are asked. */
const READING: ReadonlySet<EtcdMethod> = new Set<EtcdMethod>([
  'Range',
  'LeaseTimeToLive',
  'LeaseLeases',
  'MemberList',
  'Status',
  'Hash',
  'HashKV',
  'Leader',
  'Authenticate',
]);

/** The service for who may only read: all else is refused with etcd's "permission denied". */
export function readOnlyService(service: EtcdService): EtcdService {
  return {
    async call(method, request, caller) {
      if (!READING.has(method) && !(method === 'Txn' && isReadOnly(request as TxnRequest)) && !isAlarmQuery(method, request))
        throw EtcdError.of('permissionDenied');
      return service.call(method, request, caller);
    },
    watch: (caller) => service.watch(caller),
    // It holds the hashes of passwords.
    snapshot() {
      throw EtcdError.of('permissionDenied');
    },
    observe: (name, caller) => service.observe(name, caller),
  };
}

function isAlarmQuery(method: EtcdMethod, request: EtcdRequestOf<EtcdMethod>): boolean {
  return method === 'Alarm' && (request as EtcdRequestOf<'Alarm'>).action === 'GET';
}
