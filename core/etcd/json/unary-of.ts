import { EtcdError } from '../errors.ts';
import type { Identity } from '../identity.ts';
import type { Answered, EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService } from '../service.ts';
import { headerJson, type JsonObject } from './answers.ts';
import { type Field, message } from './fields.ts';

/** One path of the gateway that answers a message with a message. */
export interface Unary {
  call(service: EtcdService, identity: Identity, json: unknown, caller: EtcdCaller): Promise<JsonObject>;
}

/** `body`: what the answer has beside its header. Some of etcd's answers have none. */
export function unary<M extends EtcdMethod>(
  method: M,
  request: Field<EtcdRequestOf<M>>,
  body: (response: EtcdResponseOf<M>, identity: Identity) => JsonObject = () => ({}),
  withHeader = true,
): Unary {
  return {
    async call(service, identity, json, caller) {
      const response: EtcdResponseOf<M> & Answered = await service.call(method, decode(request, json), caller);
      const header = withHeader ? { header: headerJson(identity, response.revision) } : {};
      return { ...header, ...body(response, identity) };
    },
  };
}

function decode<T>(field: Field<T>, json: unknown): T {
  try {
    return field.read(json);
  } catch (error) {
    // The only deep recursion there is follows nested transactions.
    throw error instanceof RangeError ? EtcdError.of('tooManyOperations') : error;
  }
}

export const nothing: Field<Record<string, never>> = message({});
