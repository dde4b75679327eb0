import { createHash } from 'node:crypto';
import { serializeUnitFile, type UnitOption } from './unit-file.ts';

/** What fleet tells versions of a unit apart by: the SHA-1 of its text, as 40 hexadecimal digits. No secret depends on it. */
export function unitHash(options: readonly UnitOption[]): string {
  return createHash('sha1').update(serializeUnitFile(options)).digest('hex');
}
