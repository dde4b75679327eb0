/** Whose an update token is. That never changes, so who found it once may remember it. */
export interface UpdateToken {
  readonly tenant: string;
  readonly cluster: string;
  readonly id: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

export interface UpdateTokenStates {
  /** False: it was revoked, or its cluster is gone. As of a moment after the caller last synced the cluster's registry. */
  isGood(token: UpdateToken): Promise<boolean>;
}
