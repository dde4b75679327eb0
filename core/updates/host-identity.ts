import { createHmac } from 'node:crypto';
import type { Node } from '../resources/schema/node.ts';

/**
 * Which node a host is that asks for updates or for the reboot lock. Hosts name themselves in three ways: locksmith and update_engine by their machine id,
 * Terrane's agent by its node's name, and Zincati by an id of its own that is made from the machine id.
 */
export function isHost({ metadata, status }: Node, id: string): boolean {
  if (metadata.name === id) return true;
  const machine = plain(status?.nodeInfo?.machineID ?? '');
  const wanted = plain(id);
  return /^[0-9a-f]{32}$/.test(machine) && (wanted === machine || wanted === zincatiId(machine));
}

/** With or without braces and dashes, in either case. */
const plain = (id: string): string => id.replace(/[{}-]/g, '').toLowerCase();

/** Of Zincati (its src/identity/mod.rs). */
const APPLICATION = Buffer.from('de35106b6ec24688b63afddaa156679b', 'hex');

/** As sd_id128_get_machine_app_specific(3) makes it: HMAC-SHA256 of the application by the machine, cut and marked as a version 4 UUID. */
export function zincatiId(machine: string): string {
  const id = createHmac('sha256', Buffer.from(machine, 'hex')).update(APPLICATION).digest().subarray(0, 16);
  id[6] = (id[6]! & 0x0f) | 0x40;
  id[8] = (id[8]! & 0x3f) | 0x80;
  return id.toString('hex');
}
