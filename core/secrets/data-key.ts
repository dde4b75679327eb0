import { TerraneError } from '../errors/terrane-error.ts';

/** A key of an organisation, with which its Secrets are encrypted. */
export interface DataKey {
  /** The organisation's first key is 1. Stands in each ciphertext, so that keys can be changed. */
  readonly id: number;
  /** 32 bytes. */
  readonly bytes: Uint8Array;
}

/** The keys of one organisation that are in memory. */
export interface KeyRing {
  /** The one to encrypt with. */
  readonly current: DataKey | undefined;
  get(id: number): DataKey | undefined;
}

/** Organisations' data keys. Synchronous from memory, because transactions and views are; loaded beforehand. */
export interface DataKeys {
  /** What is in memory now. */
  ring(tenant: string): KeyRing;
  /**
   * Sees to it that the ring is recent, holds key `id` if there is one, and with `create` has a current key, making the first one if need
   * be. Cheap when nothing is to be done. Throws TerraneError `key_service_unavailable`, or `secret_unreadable` if there is no key `id`.
   */
  load(tenant: string, want?: { readonly id?: number; readonly create?: boolean }): Promise<void>;
}

/** Thrown where a key is needed that isn't in memory: load it and try again. */
export class KeyNotLoadedError extends Error {
  override readonly name = 'KeyNotLoadedError';
  /** undefined: there is none to encrypt with. */
  readonly id: number | undefined;
  constructor(id: number | undefined) {
    super(id === undefined ? 'no data key is loaded to encrypt with' : `data key ${id} is not loaded`);
    this.id = id;
  }
}

/** For who finds that a key doesn't exist any more, or never did here. */
export function keyGone(id: number | undefined): TerraneError {
  return new TerraneError(
    'secret_unreadable',
    `The Secret can not be decrypted: ${id === undefined ? 'a key' : `key ${id}`} of the organisation is not there.`,
  );
}
