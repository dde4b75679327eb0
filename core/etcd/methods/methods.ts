import type { OpenKeyspace } from '../../keyspace/open.ts';
import type { Timing } from '../../keyspace/timing.ts';
import type { Permits } from '../auth/permits.ts';
import type { Lessor } from '../lessor.ts';
import type { EtcdCaller, EtcdMethod, EtcdRequestOf, EtcdResponseOf, Member } from '../service.ts';
import type { Space } from '../space.ts';
import type { Write } from '../write.ts';

/** A state of the store, as far as it says who may do what. */
export interface PropertySource {
  property(name: string): Uint8Array | undefined;
}

/** What methods work on. */
export interface MethodContext {
  readonly keyspace: OpenKeyspace;
  readonly lessor: Lessor;
  readonly timing: Timing;
  readonly member: Member;
  readonly space: Space;
  /** What the caller may do at that state. */
  readonly permits: (source: PropertySource, caller: EtcdCaller) => Permits;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Commits. */
  readonly write: Write;
}

export type Methods = {
  readonly [M in EtcdMethod]: (request: EtcdRequestOf<M>, caller: EtcdCaller) => Promise<EtcdResponseOf<M>>;
};
