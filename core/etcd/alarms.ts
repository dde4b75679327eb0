import { EtcdError } from './errors.ts';
import type { AlarmMember } from './service.ts';

/** Raised alarms, as one document in the log beside the users' keys. */
export const ALARMS_PROPERTY = 'alarms';

const decoded = new WeakMap<Uint8Array, readonly AlarmMember[]>();

export function alarmsOf(property: Uint8Array | undefined): readonly AlarmMember[] {
  if (!property) return [];
  const known = decoded.get(property);
  if (known) return known;
  const list = JSON.parse(Buffer.from(property).toString('utf8')) as { memberId: string; alarm: AlarmMember['alarm'] }[];
  const alarms = list.map(({ memberId, alarm }) => ({ memberId: BigInt(memberId), alarm }));
  decoded.set(property, alarms);
  return alarms;
}

/** Undefined: none is raised. */
export function encodeAlarms(alarms: readonly AlarmMember[]): Uint8Array | undefined {
  if (alarms.length === 0) return undefined;
  const list = alarms.map(({ memberId, alarm }) => ({ memberId: String(memberId), alarm }));
  return new Uint8Array(Buffer.from(JSON.stringify(list), 'utf8'));
}

/** Nothing goes on in a store that was declared corrupt. */
export function requireSound(property: Uint8Array | undefined): void {
  if (alarmsOf(property).some(({ alarm }) => alarm === 'CORRUPT')) throw EtcdError.of('corrupt');
}
