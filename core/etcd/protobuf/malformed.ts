import { CODE, EtcdError } from '../errors.ts';

/** Bytes that are no message, in the words of etcd's own server. */
export function malformed(why: string): EtcdError {
  return new EtcdError(CODE.internal, `grpc: error unmarshalling request: ${why}`);
}
