import { decodeResponse, encodeRequest } from '../protobuf/index.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService } from '../service.ts';

/** As the gRPC face calls: what is relayed goes as bytes. */
export function callAsClientsDo<M extends EtcdMethod>(
  service: EtcdService,
  method: M,
  request: EtcdRequestOf<M>,
  caller: EtcdCaller = {},
): Promise<EtcdResponseOf<M>> {
  const { relay } = service;
  if (!relay?.methods.has(method)) return service.call(method, request, caller);
  return new Promise((resolve, reject) => {
    relay.call(method, encodeRequest(method, request), caller, (error, response) => {
      if (response) resolve(decodeResponse(method, response));
      else reject(error);
    });
  });
}
