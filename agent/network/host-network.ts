import { ROUTE_PROTOCOL, WIREGUARD_DEVICE } from '../../core/network/names.ts';
import type { AssignedNetwork, NetworkPeer } from '../../core/network/assigned-network.ts';
import { networkSteps } from '../../core/network/kernel/diff.ts';
import { NOTHING_WANTED, type ObservedNetwork } from '../../core/network/kernel/state.ts';
import { clashWith, deviceOf, namesOfPeers, OFF_LINK_FIX, onLink, peersOffLink } from '../../core/network/underlay.ts';
import { wantedNetwork } from '../../core/network/wanted.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { NodeNetwork } from '../../core/resources/schema/node.ts';
import { containsAddress, parseAddress, parseCidr } from '../../core/network/ipv4.ts';
import type { Engine } from '../docker/engine.ts';
import type { EventLog } from '../event-log.ts';
import { applySteps } from '../kernel/ip.ts';
import type { Verdict } from '../node/conditions.ts';
import type { Flannel } from './flannel/flannel.ts';
import { kernelNetwork } from './kernel-network.ts';
import { lookWaiters } from './look-waiters.ts';
import { overlayLock } from './overlay-lock.ts';
import { surroundings } from './surroundings.ts';
import { ANOTHER_AGENT, asTrouble, noAddress, refusedClash, sufferedClash, type Trouble } from './trouble.ts';
import { wireguard as openWireguard } from './wireguard/wireguard.ts';

/** This host's part of the pods' network: programmed when it is assigned, and repaired every few seconds. */
export interface HostNetwork {
  /** Something may have changed: look again soon. */
  trigger(): void;
  /** Docker's network for a new pod; undefined: Docker's own. Waits for what is being set up. */
  podNetwork(): Promise<string | undefined>;
  /** New pods are put on it. */
  inUse(): boolean;
  /** What is reported of it; undefined if this host takes no part. */
  facts(): NodeNetwork | undefined;
  /** It was looked at once: before that, `facts` and `verdicts` know nothing of what this host had when its agent ended. */
  known(): boolean;
  /** Conditions of the node. */
  verdicts(): Verdict[];
  /** Lets go, and leaves everything as it is: pods go on talking while there is no agent. */
  close(): Promise<void>;
}

export interface HostNetworkOptions {
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  /** File of WireGuard's private key. */
  readonly keyFile: string;
  readonly assigned: () => AssignedNetwork | undefined;
  /** False before the first assignment: nothing is known then, and nothing is taken away. */
  readonly isAssigned: () => boolean;
  readonly address: () => string;
  /** No device has that address (any more): it should be found out anew, and `trigger` called if it is another one. */
  readonly onAddressLost: () => void;
  /** The address is known. */
  readonly ready: Promise<unknown>;
  readonly engine: () => Engine | undefined;
  /** Addresses of this host's running pods. */
  readonly podAddresses: () => readonly string[];
  /** A flannel network that this host takes part in, too. */
  readonly flannel?: Flannel | undefined;
  readonly events: EventLog;
  readonly log: Logger;
  readonly now: () => number;
  readonly onChange: () => void;
}

/** Drift is found within this, ms. */
const EVERY_MS = 8_000;
/** So often while paths to peers are being looked for, ms. */
const SEEKING_MS = 2_000;
/**
 * A pod waits no longer for a network that is being set up, ms: what is started without it stays so until somebody restarts it. A slow host takes a
 * good part of it for its first device, program and bridge; with trouble nobody waits.
 */
const WAIT_MS = 60_000;

/** RFC 791: the length of a packet is a number of 16 bits. */
const PACKET_BYTES_MAX = 65_535;

/** So many of the kernel's refusals are told of: they are mostly the same. */
const PROBLEMS_SHOWN = 3;

/** The way on which others reach this host. */
interface Underlay {
  readonly address: string;
  readonly device: string;
  readonly mtu: number;
}

/** With a subnet of its own. */
type Member = AssignedNetwork & { readonly subnet: string };

/** Nothing is looked at before the first `trigger`. */
export function openHostNetwork(options: HostNetworkOptions): HostNetwork {
  const { log, events, now } = options;
  const kernel = kernelNetwork({ log, now, rememberMs: EVERY_MS });
  const around = surroundings({ owner: options.owner, onLateEnd: trigger });
  const waiters = lookWaiters(now);
  const wireguard = openWireguard({ keyFile: options.keyFile, now, log });
  let lock: Awaited<ReturnType<typeof overlayLock>>;
  let facts: NodeNetwork | undefined;
  /** The assignment that was set up last, as far as it could be. */
  let done: AssignedNetwork | undefined;
  /** The engine has not answered what the last look asked it. */
  let engineLate = false;
  let trouble: Trouble | undefined;
  /** Without a part in the network: for this assignment everything has been taken away. */
  let cleared: AssignedNetwork | 'none' | undefined;
  let ready: string | undefined;
  /** What was last said of packets that are not encrypted. */
  let unencrypted: string | undefined;
  /** Peers that this backend can't reach from here, in words. */
  let offLink = '';
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  let known = false;

  function trigger(): void {
    if (closed) return;
    again = true;
    running ??= run();
  }

  async function run(): Promise<void> {
    await options.ready;
    while (again && !closed) {
      again = false;
      clearTimeout(timer);
      const assigned = options.assigned();
      const before = JSON.stringify([facts, verdicts()]);
      engineLate = false;
      try {
        settle(await pass(assigned));
      } catch (error) {
        kernel.forget();
        settle(asTrouble(error));
      }
      if (!engineLate) done = assigned;
      known = true;
      waiters.letGo();
      if (JSON.stringify([facts, verdicts()]) !== before) options.onChange();
    }
    running = undefined;
    if (closed) return;
    const wait = wireguard.seeking() ? SEEKING_MS : EVERY_MS;
    timer = setTimeout(() => {
      kernel.forget();
      trigger();
    }, wait);
  }

  function settle(next: Trouble | undefined): void {
    if (next && next.message !== trouble?.message) events.add({ type: 'Warning', ...next });
    if (!next && trouble)
      events.add({ type: 'Normal', reason: 'NetworkReady', message: "this host's part of the pods' network works" });
    if (next) ready = undefined;
    trouble = next;
    const encrypted = verdicts().find(({ type }) => type === 'NetworkEncrypted');
    if (encrypted?.status === 'False' && encrypted.message !== unencrypted)
      events.add({ type: 'Warning', reason: 'NetworkNotEncrypted', message: encrypted.message });
    unencrypted = encrypted?.status === 'False' ? encrypted.message : undefined;
  }

  /** One look and what follows from it. What is wrong, if something is. */
  async function pass(given: AssignedNetwork | undefined): Promise<Trouble | undefined> {
    lock ??= await overlayLock();
    if (!lock) {
      facts = undefined;
      return ANOTHER_AGENT;
    }
    const { observed, fresh } = await kernel.look();
    const under = underlayOf(observed);
    if ('reason' in under) {
      facts = undefined;
      return under;
    }
    facts = { address: under.address, mtu: under.mtu, ...wireguard.facts() };
    if (!hasSubnet(given)) {
      around.leave();
      if (options.isAssigned() && cleared !== (given ?? 'none') && (await takeAway(observed))) cleared = given ?? 'none';
      return given?.problem;
    }
    cleared = undefined;
    const clash = clashWith(given.network, observed);
    if (clash && !isSetUp(given.network, observed)) {
      around.leave();
      return refusedClash(given.network, clash);
    }
    const mixed = options.flannel ? await options.flannel.sync(given, under) : { network: given };
    if ('problem' in mixed) return { reason: 'FlannelNetwork', message: mixed.problem };
    const assigned = { ...mixed.network, subnet: given.subnet };

    const problems = await program(assigned, under, observed, fresh);
    const { problems: others, late } = await around.ensure(options.engine(), assigned, under.mtu, fresh);
    problems.push(...others);
    if (problems.length > 0) return { reason: 'NetworkNotProgrammed', message: problems.join('; ') };
    // Whether that works is known when the engine has answered.
    engineLate = late;
    if (late) return trouble;
    if (clash) return sufferedClash(given.network, clash);
    ready = `this host's pods have ${given.subnet}`;
    return undefined;
  }

  /** The device by which others reach this host, or why there is none. */
  function underlayOf(observed: ObservedNetwork): Underlay | Trouble {
    // A host whose cable is out has none just now: it is still the same host.
    const current = options.address();
    const held = deviceOf(current, observed) !== undefined;
    if (!held) options.onAddressLost();
    const address = held ? current : (facts?.address ?? current);
    const device = deviceOf(address, observed);
    // The loopback's is one more than a packet may have (RFC 791), and is all that a machine without a network has.
    const mtu = Math.min(device?.mtu ?? 0, PACKET_BYTES_MAX);
    if (device && parseAddress(address) !== undefined) return { address, device: device.name, mtu };
    return noAddress(address);
  }

  /** Makes WireGuard and the kernel what they should be. Returns what could not be done, in words. */
  async function program(assigned: Member, under: Underlay, observed: ObservedNetwork, fresh: boolean): Promise<string[]> {
    const present = observed.links.some(({ name }) => name === WIREGUARD_DEVICE);
    const secure =
      assigned.backend.type === 'wireguard' ? await wireguard.prepare(assigned.backend.listenPort, present) : wireguard.off();
    facts = { address: under.address, mtu: under.mtu, ...wireguard.facts() };
    if (wireguard.made()) kernel.forget();
    const look = wireguard.made() ? (await kernel.look()).observed : observed;
    const wanted = wantedNetwork(assigned, {
      ...under,
      wireguard: secure !== undefined,
      wireguardBy: secure ?? 'kernel',
      onLink: (peer) => onLink(peer, look),
    });
    tellOffLink(peersOffLink(assigned, look));
    const refused = await kernel.program(wanted, look);
    // It may only have been that the kernel wasn't as it was remembered.
    if (refused.length > 0 && !fresh) again = true;
    if (secure) {
      const { observed: seen, unreached } = await wireguard.configure(assigned, under.address);
      facts = { ...facts, ...(seen.length > 0 && { observed: seen }), ...(unreached.length > 0 && { unreached }) };
    }
    return refused.slice(0, PROBLEMS_SHOWN);
  }

  function tellOffLink(peers: readonly NetworkPeer[]): void {
    const many = peers.length === 1 ? '1 host is' : `${peers.length} hosts are`;
    const message =
      peers.length === 0 ? '' : `${many} not on a link of this one, and host-gw reaches no others: ${namesOfPeers(peers)}`;
    if (message !== '' && message !== offLink)
      events.add({ type: 'Warning', reason: 'PeersNotOnLink', message: `${message}: ${OFF_LINK_FIX}` });
    offLink = message;
  }

  /**
   * No part in a network (any more): what we made goes, and what others made stays. False while something is left: containers that are
   * being stopped are on it, or the engine is down.
   */
  async function takeAway(observed: ObservedNetwork): Promise<boolean> {
    ready = undefined;
    wireguard.off();
    await options.flannel?.release();
    const steps = networkSteps(NOTHING_WANTED, observed);
    const mine = steps.length > 0 || observed.routes.some(({ protocol }) => protocol === String(ROUTE_PROTOCOL));
    if (mine) await applySteps(steps);
    kernel.forget();
    const engine = options.engine();
    return engine !== undefined && (await around.remove(engine));
  }

  function verdicts(): Verdict[] {
    const type = 'NetworkUnavailable';
    if (trouble) return [{ type, status: 'True', ...trouble }];
    const assigned = options.assigned();
    if (!ready || !assigned?.subnet) return [];
    const verdict = {
      type,
      status: 'False' as const,
      reason: 'NetworkReady',
      message: `${ready}${offLink && `; ${offLink}`}${outside(assigned)}`,
    };
    const encrypted = assigned.backend.type === 'wireguard' ? [wireguard.verdict(assigned)] : [];
    return [verdict, ...encrypted];
  }

  /** Pods that were here before their network, or before it changed: nothing is stopped for it. */
  function outside({ subnet }: AssignedNetwork): string {
    const block = subnet ? parseCidr(subnet) : undefined;
    const count = options.podAddresses().filter((one) => block && !containsAddress(block, parseAddress(one) ?? 0)).length;
    if (count === 0) return '';
    return `; ${count} pod${count === 1 ? ' runs' : 's run'} with an address from before and ${count === 1 ? 'moves' : 'move'} when restarted (delete ${count === 1 ? 'it' : 'them'} to move now)`;
  }

  return {
    trigger,
    async podNetwork() {
      const assigned = options.assigned();
      if (!assigned?.subnet) return undefined;
      const settled = () =>
        closed || (done === options.assigned() && (around.podNetwork() !== undefined || trouble !== undefined));
      await waiters.until(settled, trigger, WAIT_MS);
      return around.podNetwork();
    },
    inUse: () => around.podNetwork() !== undefined,
    facts: () => facts,
    known: () => known,
    verdicts,
    async close() {
      closed = true;
      clearTimeout(timer);
      waiters.letGo();
      await running;
      lock?.release();
    },
  };
}

/** This very network was programmed before: whatever came beside it since, pods that talk by it go on. */
function isSetUp(network: string, { routes }: ObservedNetwork): boolean {
  return routes.some(({ to, device, protocol }) => to === network && device === undefined && protocol === String(ROUTE_PROTOCOL));
}

const hasSubnet = (given: AssignedNetwork | undefined): given is Member => given?.subnet !== undefined;

/** The host takes no part: pods are on Docker's own bridge. */
export function noHostNetwork(): HostNetwork {
  return {
    trigger: () => undefined,
    podNetwork: () => Promise.resolve(undefined),
    inUse: () => false,
    facts: () => undefined,
    known: () => true,
    verdicts: () => [],
    close: () => Promise.resolve(),
  };
}
