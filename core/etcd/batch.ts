import { CODE, EtcdError, etcdErrorOf } from './errors.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, EtcdService } from './service.ts';

/** One of several calls. A `requestId` in `caller` makes a write exactly-once. */
export type BatchCall = {
  [M in EtcdMethod]: { readonly method: M; readonly request: EtcdRequestOf<M>; readonly caller: EtcdCaller };
}[EtcdMethod];

export type BatchResult =
  | { readonly ok: true; readonly response: EtcdResponseOf<EtcdMethod> }
  | { readonly ok: false; readonly error: EtcdError };

/**
 * Calls of many clients of one host at once: writes among them share commits, in their order; each has a result of its own, also when
 * others fail. `onError`: told of what isn't the clients' fault.
 */
export async function callBatch(
  service: EtcdService,
  calls: readonly BatchCall[],
  onError: (error: unknown) => void,
): Promise<BatchResult[]> {
  return Promise.all(
    calls.map(async ({ method, request, caller }): Promise<BatchResult> => {
      try {
        return { ok: true, response: await service.call(method, request as never, caller) };
      } catch (error) {
        const known = etcdErrorOf(error);
        if (!known) onError(error);
        return { ok: false, error: known ?? new EtcdError(CODE.internal, 'internal error') };
      }
    }),
  );
}
