/** Who does something. Made by authentication, asked by authorisation, written into audit records. */
export type Role = 'owner' | 'admin' | 'editor' | 'viewer';

export interface PersonPrincipal {
  readonly kind: 'person';
  readonly tenant: string;
  readonly userId: string;
  readonly email: string;
  readonly role: Role;
  /** Set when an API token was used instead of a session. */
  readonly tokenId?: string;
  /** Set with `tokenId`: when that token expires, ms since the epoch. */
  readonly tokenExpiresAt?: number;
  /** Set when that API token is limited to one cluster: its id. */
  readonly cluster?: string;
}

export interface HostPrincipal {
  readonly kind: 'host';
  readonly tenant: string;
  readonly cluster: string;
  readonly hostId: string;
  /** metadata.name of the host's Node resource. */
  readonly nodeName: string;
}
