import type { AssignedNetwork } from '../../../core/network/assigned-network.ts';
import {
  type FlannelLease,
  flannelMismatch,
  LEASE_SECONDS,
  leaseKey,
  leaseValue,
  readLease,
  withFlannelPeers,
} from '../../../core/network/flannel/lease.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import { messageOf } from '../../docker/errors.ts';
import { flannelEtcd } from './etcd.ts';

/**
 * This host's part in a flannel network that is being moved from: its lease stands in flannel's books, so that flannel's hosts reach it,
 * and their leases become peers of it.
 */
export interface Flannel {
  /** The network with flannel's hosts in it, or why it can't be had. With etcd away it is as it was last seen. */
  sync(
    assigned: AssignedNetwork,
    facts: { address: string; mtu: number },
  ): Promise<{ network: AssignedNetwork } | { problem: string }>;
  /** Takes this host's lease out of the books. */
  release(): Promise<void>;
}

export interface FlannelOptions {
  readonly endpoint: string;
  /** `/coreos.com/network`. */
  readonly prefix: string;
  readonly now: () => number;
  readonly log: Logger;
}

/** A lease of a day is renewed so often, ms. */
const RENEW_MS = 600_000;

export function flannel({ endpoint, prefix, now, log }: FlannelOptions): Flannel {
  const etcd = flannelEtcd(endpoint);
  /** What stands in the books for this host. */
  let own: { subnet: string; address: string; lease: string; renewedAt: number } | undefined;
  let seen: readonly FlannelLease[] | undefined;
  let away = false;

  async function look(assigned: AssignedNetwork, address: string): Promise<string | undefined> {
    const [config] = await etcd.range(`${prefix}/config`);
    if (!config) return `etcd at ${endpoint} has no flannel network below ${prefix}`;
    const mismatch = flannelMismatch(assigned, config.value);
    if (mismatch) return mismatch;
    // Up to '0', which comes after '/'.
    const entries = await etcd.range(`${prefix}/subnets/`, `${prefix}/subnets0`);
    const key = leaseKey(prefix, assigned.subnet!);
    const entry = entries.find((one) => one.key === key);
    const held = entry && readLease(prefix, key, entry.value);
    if (held && held.publicIp !== address)
      return `flannel has given ${assigned.subnet} to ${held.publicIp}: reserve another subnet for this host in the Network, or move that host first`;
    const value = leaseValue(assigned, address);
    const mine = own;
    const stands =
      mine?.subnet === assigned.subnet && mine?.address === address && entry?.value === value && entry.lease === mine.lease;
    if (!mine || !stands) await claim(key, value, entry, assigned.subnet!, address);
    else if (now() - mine.renewedAt > RENEW_MS) {
      if (await etcd.keepAlive(mine.lease)) own = { ...mine, renewedAt: now() };
      else await claim(key, value, entry, assigned.subnet!, address);
    }
    seen = entries.flatMap((one) => readLease(prefix, one.key, one.value) ?? []);
    return undefined;
  }

  async function claim(
    key: string,
    value: string,
    before: { modRevision: string; lease: string } | undefined,
    subnet: string,
    address: string,
  ): Promise<void> {
    if (own && own.subnet !== subnet) await release();
    const lease = await etcd.grant(LEASE_SECONDS);
    if (!(await etcd.putIf(key, before?.modRevision ?? '0', value, lease))) {
      await etcd.revoke(lease);
      throw new Error(`somebody else took ${subnet} in flannel's books at this moment`);
    }
    // The one from before a restart holds nothing any more.
    if (before && before.lease !== '0') await etcd.revoke(before.lease).catch(() => undefined);
    own = { subnet, address, lease, renewedAt: now() };
    log.info("this host's lease stands in flannel's books", { key });
  }

  async function release(): Promise<void> {
    if (!own) return;
    const { lease } = own;
    own = undefined;
    await etcd.revoke(lease);
  }

  return {
    async sync(assigned, { address, mtu }) {
      try {
        const problem = await look(assigned, address);
        if (problem) return { problem };
        if (away) log.info("flannel's etcd answers again");
        away = false;
      } catch (error) {
        // Without having seen the books nothing may be taken away that an earlier agent programmed.
        if (!seen) return { problem: `flannel's etcd at ${endpoint} can't be asked: ${messageOf(error)}` };
        if (!away) log.warn("flannel's etcd can't be asked: its hosts are as last seen", { reason: messageOf(error) });
        away = true;
      }
      return { network: withFlannelPeers(assigned, seen ?? [], mtu) };
    },
    release: () =>
      release().catch((error: unknown) => log.warn("the lease stays in flannel's books", { reason: messageOf(error) })),
  };
}
