import type { Namespace } from '../resources/schema/namespace.ts';

/** When the control plane was last found to have been away, on the namespace NAMESPACE: hosts can be heard since. RFC 3339 with milliseconds. */
export const LISTENING_SINCE_ANNOTATION = 'terrane.dev/listening-since';
export const LISTENING_SINCE_NAMESPACE = 'terrane-system';

/** ms since the epoch; 0 if it never was away. */
export function listeningSinceOf(namespace: Pick<Namespace, 'metadata'> | undefined): number {
  return Date.parse(namespace?.metadata.annotations?.[LISTENING_SINCE_ANNOTATION] ?? '') || 0;
}
