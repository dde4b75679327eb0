import type { EtcdCaller } from '../../core/etcd/service.ts';
import type { Call } from '../grpc/call.ts';

/** What etcd's clients say of themselves in metadata. Looked up when asked: most methods never do. */
export function callerOf(call: Call): EtcdCaller {
  return {
    get token() {
      return call.header('token') ?? call.header('authorization');
    },
    get signal() {
      return call.signal;
    },
    get requireLeader() {
      return call.header('hasleader') === 'true';
    },
  };
}
