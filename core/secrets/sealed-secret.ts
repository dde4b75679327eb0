import { prefixEnd, resourceKey, resourcePrefix } from '../resources/codec.ts';
import type { ObjectMeta } from '../resources/schema/meta.ts';
import type { Secret } from '../resources/schema/secret.ts';
import type { KeyRing } from './data-key.ts';
import { open, type Place, seal } from './seal.ts';

/**
 * How a Secret stands in the log: names, labels, owners, type and `immutable` in the clear, because controllers, selectors and the
 * garbage collector work with them; what may hold the secret itself sealed as one. Annotations are part of that: `kubectl apply` writes the
 * whole object into one.
 */
export interface SealedSecret extends Omit<Secret, 'data' | 'stringData'> {
  readonly sealed: string;
}

interface Confidential {
  readonly data?: Secret['data'];
  readonly annotations?: ObjectMeta['annotations'];
}

/** Keys of all Secrets in a registry keyspace. */
export const SECRETS_FROM = resourcePrefix('', 'secrets');
export const SECRETS_TO = prefixEnd(SECRETS_FROM);

export function isSecretKey(key: string): boolean {
  return key >= SECRETS_FROM && key < SECRETS_TO;
}

export function secretKeyOf({ metadata }: Pick<Secret, 'metadata'>): string {
  return resourceKey('', 'secrets', metadata.namespace, metadata.name);
}

export function isSealed(secret: Secret | SealedSecret): secret is SealedSecret {
  return 'sealed' in secret;
}

/** Throws KeyNotLoadedError. */
export function sealSecret(secret: Secret, ring: KeyRing, place: Place): SealedSecret {
  const { data, stringData: _, metadata, ...rest } = secret;
  const { annotations, ...bare } = metadata;
  const confidential: Confidential = { ...(data && { data }), ...(annotations && { annotations }) };
  return { ...rest, metadata: bare, sealed: seal(JSON.stringify(confidential), ring, place) };
}

/** Also takes Secrets that were stored before there was encryption. Throws KeyNotLoadedError, TerraneError `secret_unreadable`. */
export function openSecret(secret: Secret | SealedSecret, ring: KeyRing, place: Place): Secret {
  if (!isSealed(secret)) return secret;
  const { sealed, metadata, ...rest } = secret;
  const { data, annotations } = JSON.parse(open(sealed, ring, place)) as Confidential;
  return { ...rest, metadata: { ...metadata, ...(annotations && { annotations }) }, ...(data && { data }) };
}
