import type { OpenKeyspace } from '../../keyspace/open.ts';
import type { Timing } from '../../keyspace/timing.ts';
import type { Lessor } from '../lessor.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, Member } from '../service.ts';

/** What methods work on. */
export interface MethodContext {
  readonly keyspace: OpenKeyspace;
  readonly lessor: Lessor;
  readonly timing: Timing;
  readonly member: Member;
}

export type Methods = {
  readonly [M in EtcdMethod]: (request: EtcdRequestOf<M>, caller: EtcdCaller) => Promise<EtcdResponseOf<M>>;
};
