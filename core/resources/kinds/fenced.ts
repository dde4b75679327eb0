import { FENCED_ANNOTATION } from '../../node/fencing.ts';
import { type FieldError, notSupported } from '../field-error.ts';

/** The fencing annotation of a pod or a pod template means something only if it is spelt right: a typo must not run a thing twice. */
export function fencedOrNot(
  metadata: { readonly annotations?: Readonly<Record<string, string>> } | undefined,
  path: string,
): FieldError[] {
  const value = metadata?.annotations?.[FENCED_ANNOTATION];
  if (value === undefined || value === 'true' || value === 'false') return [];
  return [notSupported(`${path}.annotations[${FENCED_ANNOTATION}]`, value, ['true', 'false'])];
}
