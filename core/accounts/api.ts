import type { Role } from '../ports/identity.ts';

/** The JSON of /v1/* as clients see it. Times are ms since the epoch. */

export interface UserView {
  readonly id: string;
  readonly email: string;
  readonly verified: boolean;
  /** False for who only ever came by a login provider. */
  readonly password: boolean;
  /** Ids of the login providers that are linked. */
  readonly linked: readonly string[];
}

export interface OrganisationView {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly nodes: { readonly used: number; readonly limit: number };
}

/** GET /v1/me */
export interface MeView {
  readonly user: UserView;
  readonly organisation: OrganisationView;
  readonly role: Role;
  /** All organisations of the user; log in again with `organisation` to change. */
  readonly organisations: readonly { readonly id: string; readonly name: string }[];
}

/** POST /v1/signup, POST /v1/login. A browser that asked for a cookie gets no token. */
export interface LoginView extends MeView {
  readonly token?: string;
  readonly expiresAt: number;
}

/** GET /v1/oidc -> {providers}: where people may log in besides here. */
export interface LoginProviderView {
  readonly id: string;
  /** For a button: "GitHub". */
  readonly name: string;
}

/** POST /v1/oidc/:provider: begin a log-in there; answers {url}, where the browser goes next. */
export interface OidcStart {
  /** Name of a new organisation, for who has no account yet. Or `invitation`. */
  readonly organisation?: string;
  readonly invitation?: string;
  /** Add this way of logging in to the account that is logged in. */
  readonly link?: boolean;
  /** Path of the console to return to. */
  readonly next?: string;
}

/** GET /v1/sessions -> {sessions}: the caller's own, in all organisations. */
export interface SessionView {
  readonly id: string;
  /** Name of the organisation that it is for. */
  readonly organisation: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  /** Where it was opened from. */
  readonly ip?: string;
  /** The one that asks. */
  readonly current: boolean;
}

/** GET /v1/repositories -> {prefix, repositories} */
export interface RepositoryView {
  readonly name: string;
  /** As containers name it, without a tag. */
  readonly image: string;
  readonly immutableTags: boolean;
  /** What goes by itself; see core/ports/image-registry.ts. */
  readonly retention: { readonly untaggedDays?: number; readonly keepLast?: number };
  readonly createdAt: number;
}

/** GET /v1/members -> {members, invitations} */
export interface MemberView {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly joinedAt: number;
}

export interface InvitationView {
  readonly id: string;
  readonly email: string;
  readonly role: Role;
  readonly expiresAt: number;
}

/** GET /v1/clusters -> {clusters}; POST answers one. */
export interface ClusterView {
  readonly id: string;
  readonly name: string;
  readonly nodes: number;
  readonly createdAt: number;
}

/** join: for hosts that join. api: for programs. update: for operating systems that ask for updates and for the reboot lock. */
export type TokenKind = 'join' | 'api' | 'update';

export type TokenState = 'active' | 'used' | 'expired' | 'revoked';

/** GET /v1/tokens -> {tokens}; POST answers one with `secret`, the only time it is shown. */
export interface TokenView {
  readonly id: string;
  readonly kind: TokenKind;
  /** Id of the cluster it is for; only API tokens may have none. */
  readonly cluster?: string;
  /** API tokens. */
  readonly role?: Role;
  /** Join tokens. */
  readonly uses?: { readonly used: number; readonly max: number };
  readonly state: TokenState;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
}

/** GET /v1/nodes -> {nodes} */
export interface HostView {
  readonly name: string;
  readonly hostId: string;
  readonly cluster: string;
  readonly joinedAt: number;
  readonly joinedWith: string;
}

/** GET /v1/usage */
export interface UsageView {
  readonly plan: string;
  readonly nodes: UsedOf;
  readonly clusters: UsedOf;
  readonly members: UsedOf;
  /** Of the key-value stores of all clusters. About: each tells what it takes while it is written to, at least once a minute. */
  readonly kvBytes: UsedOf;
  readonly requests: RequestsView;
  readonly repositories: UsedOf;
  /** Of all images, layers that they share counted in each; there is no limit. Absent: the registry can't tell, or there is none. */
  readonly imageBytes?: number;
}

/** What requests are made to: people's API, the hosts' API, the update protocols. */
export const FACES = ['api', 'node', 'updates'] as const;
export type Face = (typeof FACES)[number];

/**
 * Requests with good credentials in this month. About, and up to some minutes late: each process counts for itself, and adds to the sum
 * once a minute. There is no limit.
 */
export interface RequestsView extends Readonly<Record<Face, number>> {
  /** UTC, "2026-11". */
  readonly month: string;
}

export interface UsedOf {
  readonly used: number;
  readonly limit: number;
}

/**
 * GET /v1/audit -> {records, next?}: newest first; pass `next` as `before`. Filters: action, actor, since, until. GET
 * /v1/audit/export: all that match, one a line.
 */
export interface AuditView {
  readonly id: string;
  readonly at: number;
  readonly action: string;
  readonly target: string;
  readonly actor: AuditActor;
  readonly ip?: string;
  readonly requestId?: string;
  readonly details?: Readonly<Record<string, string | number>>;
}

export interface AuditActor {
  readonly kind: 'person' | 'host' | 'system';
  readonly id: string;
  readonly name?: string;
  /** The API or join token that was used. */
  readonly tokenId?: string;
}

/** GET /v1/info, without a login. */
export interface ServerInfo {
  readonly version: string;
  /** https URL that kubectl reaches, e.g. https://10.0.0.5:6443 */
  readonly url: string;
  /** PEM of the CA that signed the server's certificate; absent when a public CA did. */
  readonly ca?: string;
  /** Fingerprint of the key that signs the agent's manifest; part of the join command. */
  readonly manifestKey: string;
}
