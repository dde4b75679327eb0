import type { Context } from 'hono';
import type { Keyspace } from '../../../core/keyspace/types.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { PersonPrincipal } from '../../../core/ports/identity.ts';
import type { Keyspaces } from '../../../core/ports/keyspaces.ts';
import type { StreamRelay } from '../../../core/ports/stream-relay.ts';
import type { WriteContext } from '../../../core/resources/write.ts';
import type { ApiEnv, ClusterRef } from '../../context.ts';
import type { Target } from './target.ts';

export interface KubeDeps {
  readonly keyspaces: Keyspaces;
  readonly relay: StreamRelay;
  readonly clock: Clock;
  newUid(): string;
  /** Called after each commit that a person's request made, for the audit log. Never with secret values. */
  onWrite?(write: AuditedWrite): void;
  /** Called for errors that are the server's fault; the client gets a 500 without details. */
  onError?(error: unknown, requestId: string): void;
  /** Aborted when the server stops: open watches then end, and clients come back to another server. */
  readonly shutdown?: AbortSignal;
}

export interface AuditedWrite {
  readonly principal: PersonPrincipal;
  readonly cluster: ClusterRef;
  readonly verb: 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';
  readonly kind: string;
  /** Empty for cluster-scoped kinds. */
  readonly namespace: string;
  /** Empty for deletecollection. */
  readonly name: string;
  readonly subresource?: string;
  /** Where it is done: of an exec, the node. */
  readonly host?: string;
  readonly revision: number;
}

/** One authorised request for objects of a kind. */
export interface KubeRequest {
  readonly c: Context<ApiEnv>;
  readonly deps: KubeDeps;
  readonly keyspace: Keyspace;
  readonly target: Target;
}

export function writeContext(deps: KubeDeps): WriteContext {
  return { now: deps.clock.now(), newUid: () => deps.newUid() };
}
