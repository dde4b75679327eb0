import type { EtcdCaller } from '../../core/etcd/service.ts';
import type { Call } from '../grpc/call.ts';

/** What etcd's clients say of themselves in metadata. Looked up when asked: most methods never do. */
export function callerOf(call: Call): EtcdCaller {
  return new Caller(call);
}

/** A class: objects with getters of their own take a while to make, and one is made for each request. */
class Caller implements EtcdCaller {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get token(): string | undefined {
    return this.#call.header('token') ?? this.#call.header('authorization');
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  get requireLeader(): boolean {
    return this.#call.header('hasleader') === 'true';
  }
}
