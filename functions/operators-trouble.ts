import type { ErrorCode } from '../core/errors/catalogue.ts';
import { TerraneError } from '../core/errors/terrane-error.ts';

/** Errors of the catalogue that the caller can do nothing about, and whose cause the operator must find in the log. */
const CODES = new Set<ErrorCode>([
  'key_service_unavailable',
  'secret_unreadable',
  'image_registry_unavailable',
  'image_registry_full',
]);

export function isOperatorsTrouble(error: unknown): error is TerraneError {
  return error instanceof TerraneError && CODES.has(error.code);
}
