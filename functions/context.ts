import type { PersonPrincipal } from '../core/ports/identity.ts';

/** A cluster that the caller may see. Anything else is a 404, whether it exists or not. */
export interface ClusterRef {
  readonly tenant: string;
  readonly id: string;
  readonly name: string;
}

/** Hono environment of the people-facing apps: set by middleware before a route runs. */
export interface ApiEnv {
  Variables: {
    requestId: string;
    principal: PersonPrincipal;
    /** The session or API token that proved it: its id, and the hash that the store knows it by. */
    secret: { readonly kind: 'session' | 'api'; readonly id: string; readonly hash: string };
    /** Set below /clusters/:cluster. */
    cluster: ClusterRef;
  };
}
