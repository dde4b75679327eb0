/** A data key as it is made: in the clear for use in memory, and wrapped for keeping. */
export interface NewDataKey {
  /** 32 bytes (AES-256). Never stored, never logged. */
  readonly plain: Uint8Array;
  readonly wrapped: Uint8Array;
}

/**
 * The key that encrypts data keys, and never leaves its place: AWS KMS in the hosted service, a 0600 file beside an embedded server.
 * A wrapped key is bound to its organisation: it is unwrapped for no other.
 */
export interface KeyEncryption {
  generate(tenant: string): Promise<NewDataKey>;
  /** Throws TerraneError `key_service_unavailable` if the key can't be had now, `secret_unreadable` if this isn't the right key. */
  unwrap(tenant: string, wrapped: Uint8Array): Promise<Uint8Array>;
}
