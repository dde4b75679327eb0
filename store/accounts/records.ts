import type { SecretKind } from '../../core/accounts/token-format.ts';
import type { Role } from '../../core/ports/identity.ts';

/** What is kept, by item. `ttl` is in seconds, for DynamoDB's own expiry; everything else in ms since the epoch. */

// Identity table: pk `<kind>#<value>`, sk `_`. Which tenant does this name belong to? Nothing else.

export type EmailEntry = { tenant: string; userId: string };
/** pk `user#<userId>`, sk the tenant: the organisations a user is a member of. */
export type MembershipEntry = { organisation: string; since: number };
/** pk `login#<hash of issuer and subject>`: whose a login at a provider is. The address leads to where the account is. */
export type LoginEntry = { userId: string; email: string };
/** pk `logins#<userId>`, sk the provider's id: the same, from the other side. */
export type LinkedEntry = { login: string };
/** Secrets of all kinds, by hash. */
export type SecretEntry = {
  tenant: string;
  kind: string;
  id: string;
  userId: string;
  ttl: number;
  /** Of update tokens, which are looked up often: what never changes of them. Whether they are good is beside the registry's log (../update-tokens.ts). */
  cluster?: string;
  expiresAt?: number;
};
export type HostKeyEntry = {
  tenant: string;
  cluster: string;
  hostId: string;
  nodeName: string;
  tokenHash: string;
  /** Here too, so that one read authenticates a host and a revocation counts at the next request. */
  status: 'active' | 'revoked';
};

/** pk `device#<hash of the device code>`: a device that waits to be logged in. Whose it is says the secret's entry, once approved. */
export type DeviceEntry = {
  state: 'pending' | 'approved' | 'denied';
  expiresAt: number;
  intervalMs: number;
  askedAt: number;
  ttl: number;
};
/** pk `user-code#<hash>` */
export type UserCodeEntry = { device: string; id: string; expiresAt: number; ttl: number };

// Tenant table: pk `<tenant>#<part>`.

/** part `org`, sk `organisation` */
export type OrganisationRow = {
  name: string;
  plan: string;
  nodes: number;
  nodeLimit: number;
  clusters: number;
  clusterLimit: number;
  owners: number;
  members: number;
  memberLimit: number;
  /** Absent: as FREE_PLAN says. */
  kvByteLimit?: number;
  repositories?: number;
  createdAt: number;
};
/** part `org`, sk `member#<userId>` */
export type MemberRow = { userId: string; email: string; role: Role; home: string; joinedAt: number };
/** part `org`, sk `cluster#<id>` */
export type ClusterRow = { id: string; name: string; nodes: number; createdAt: number };
/** part `org`, sk `cluster-name#<name>` */
export type ClusterNameRow = { id: string };
/** part `users`, sk the userId; in the tenant that the user signed up with. */
export type UserRow = {
  userId: string;
  email: string;
  /** Absent: who only ever came by a login provider. */
  password?: string;
  verifiedAt?: number;
  createdAt: number;
};
/** part `secrets#<kind>`, sk the id */
export type SecretRow = {
  hash: string;
  kind: SecretKind;
  id: string;
  createdAt: number;
  /** Whose session or token it is; who made it. */
  userId: string;
  expiresAt: number;
  revokedAt?: number;
  cluster?: string;
  role?: Role;
  used?: number;
  usesMax?: number;
  email?: string;
  /** Of sessions: where it was opened from. */
  ip?: string;
  /** Of tokens made with an API token: that one's id. They end with it. */
  madeWith?: string;
  /** Of device codes: the session that approved it. */
  session?: string;
  ttl: number;
};
/** part `hosts#<cluster>`, sk the node name */
export type HostRow = { hostId: string; nodeName: string; publicKey: string; joinedAt: number; joinedWith: string };
/** part `conn#<cluster>`, sk the node name: store/connections.ts */
export type ConnectionRow = { id: string };
/** part `audit`, sk a ULID */
export type AuditRow = {
  id: string;
  at: number;
  action: string;
  target: string;
  actor: string;
  ip?: string;
  requestId?: string;
  details?: string;
};

/** An image repository: what the registry can't tell of it by prefix. */
export type RepositoryRow = {
  name: string;
  immutableTags: boolean;
  untaggedDays?: number;
  keepLast?: number;
  /** `making`: the registry may or may not have it. */
  state: 'making' | 'ready';
  createdAt: number;
};
