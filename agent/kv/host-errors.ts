import { CODE, EtcdError, etcdErrorOf } from '../../core/etcd/errors.ts';
import { Refusal } from '../uplink/refusal.ts';
import { DismissedError, UnreachableError } from './control-plane.ts';
import { TooLargeError } from './local-copy.ts';

/** What keeps this host from answering, in the words of a member of etcd that is cut off from the others. */
export function hostErrorOf(error: unknown): unknown {
  if (error instanceof UnreachableError) return EtcdError.of('timeout');
  if (error instanceof DismissedError) return EtcdError.of('stopped');
  if (error instanceof TooLargeError) return new EtcdError(CODE.failedPrecondition, `etcdserver: ${error.message}`);
  // It doesn't know this host, say, or is too old.
  if (error instanceof Refusal) return new EtcdError(CODE.unavailable, `etcdserver: ${error.message}`);
  return etcdErrorOf(error) ?? error;
}
