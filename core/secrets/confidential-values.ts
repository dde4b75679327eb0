import type { ChangeEvent, Key, KeyValue, ReadView, RevisionEvents, TxnView } from '../keyspace/types.ts';
import type { Secret } from '../resources/schema/secret.ts';
import { KeyNotLoadedError, type KeyRing } from './data-key.ts';
import type { Place } from './seal.ts';
import { isSecretKey, openSecret, type SealedSecret, sealSecret } from './sealed-secret.ts';

/** Turns values of Secrets into what stands in the log, and back. Everything else passes as it is. */
export interface Opener {
  readonly tenant: string;
  readonly cluster: string;
  readonly ring: () => KeyRing;
  /** What a reader is told whose key isn't there. Without it KeyNotLoadedError passes, for who can load it and try again. */
  readonly missing?: (error: KeyNotLoadedError) => Error;
}

const utf8 = { encoder: new TextEncoder(), decoder: new TextDecoder() };

/** A Secret as its readers see it. It is decrypted when its value is asked for, and kept by nobody but the one who asked. */
class OpenedValue implements KeyValue {
  readonly #stored: KeyValue;
  readonly #opener: Opener;
  #value: Uint8Array | undefined;

  constructor(stored: KeyValue, opener: Opener) {
    this.#stored = stored;
    this.#opener = opener;
  }

  get key() {
    return this.#stored.key;
  }
  get createRevision() {
    return this.#stored.createRevision;
  }
  get modRevision() {
    return this.#stored.modRevision;
  }
  get version() {
    return this.#stored.version;
  }
  get lease() {
    return this.#stored.lease;
  }

  get value(): Uint8Array {
    const { value } = this.#stored;
    // A deletion has none.
    if (value.length === 0) return value;
    if (!this.#value) {
      this.#value = openedValue(this.key, value, this.#opener);
    }
    return this.#value;
  }
}

export function openedView(view: ReadView, opener: Opener): ReadView {
  return {
    revision: view.revision,
    get: (key) => opened(view.get(key), opener),
    range: (from, to) => openedRange(view, from, to, opener),
  };
}

export function openedTxn(txn: TxnView, opener: Opener): TxnView {
  return {
    get revision() {
      return txn.revision;
    },
    get: (key) => opened(txn.get(key), opener),
    range: (from, to) => openedRange(txn, from, to, opener),
    put: (key, value, lease) => txn.put(key, isSecretKey(key) ? sealedValue(key, value, opener) : value, lease),
    delete: (key) => txn.delete(key),
  };
}

export function openedEvents({ revision, events }: RevisionEvents, opener: Opener): RevisionEvents {
  if (!events.some(concernsSecret)) return { revision, events };
  return {
    revision,
    events: events.map((event) => ({ ...event, kv: opened(event.kv, opener), prev: opened(event.prev, opener) })),
  };
}

export function concernsSecret({ kv }: ChangeEvent): boolean {
  return isSecretKey(kv.key);
}

function opened<T extends KeyValue | undefined>(kv: T, opener: Opener): T {
  return kv && isSecretKey(kv.key) ? (new OpenedValue(kv, opener) as KeyValue as T) : kv;
}

function* openedRange(view: ReadView, from: Key, to: Key, opener: Opener): IterableIterator<KeyValue> {
  for (const kv of view.range(from, to)) yield opened(kv, opener);
}

function openedValue(key: Key, value: Uint8Array, opener: Opener): Uint8Array {
  const secret = JSON.parse(utf8.decoder.decode(value)) as Secret | SealedSecret;
  try {
    return utf8.encoder.encode(JSON.stringify(openSecret(secret, opener.ring(), placeOf(opener, key))));
  } catch (error) {
    throw error instanceof KeyNotLoadedError && opener.missing ? opener.missing(error) : error;
  }
}

function sealedValue(key: Key, value: Uint8Array, opener: Opener): Uint8Array {
  const secret = JSON.parse(utf8.decoder.decode(value)) as Secret;
  return utf8.encoder.encode(JSON.stringify(sealSecret(secret, opener.ring(), placeOf(opener, key))));
}

function placeOf({ tenant, cluster }: Opener, key: Key): Place {
  return { tenant, cluster, key };
}
