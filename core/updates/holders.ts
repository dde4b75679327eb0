import type { KeyValue, ReadView, TxnView } from '../keyspace/types.ts';
import { UPDATES_PREFIX } from './book.ts';

/** A host with a slot of a group's reboot lock: from before its pods leave until it says that it is well again. */
export interface Holder {
  readonly id: string;
  /** When it was given the slot, or, as long as it drains, when that began. */
  readonly since: number;
  /** The node that the host is, if it is one of the cluster's and was cordoned for this. */
  readonly node?: string;
  /** Its pods are leaving: it may not reboot yet. */
  readonly draining?: true;
}

const keyOf = (group: string): string => `${UPDATES_PREFIX}groups/${group}/rebootlock`;

/** `group` is its uid. `revision`: which last changed them; undefined if there never was one. */
export function readHolders(view: ReadView, group: string): { holders: readonly Holder[]; revision: number | undefined } {
  const kv = view.get(keyOf(group));
  return { holders: kv ? decode(kv) : [], revision: kv?.modRevision };
}

export function writeHolders(txn: TxnView, group: string, holders: readonly Holder[]): void {
  txn.put(keyOf(group), new TextEncoder().encode(JSON.stringify(holders)));
}

function decode(kv: KeyValue): Holder[] {
  return JSON.parse(new TextDecoder().decode(kv.value)) as Holder[];
}
