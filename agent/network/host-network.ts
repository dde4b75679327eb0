import { ROUTE_PROTOCOL, WIREGUARD_DEVICE } from '../../core/network/names.ts';
import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { networkSteps } from '../../core/network/kernel/diff.ts';
import { NOTHING_WANTED, type ObservedNetwork } from '../../core/network/kernel/state.ts';
import { clashWith, deviceOf, onLink, peersOffLink } from '../../core/network/underlay.ts';
import { wantedNetwork } from '../../core/network/wanted.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { NodeNetwork } from '../../core/resources/schema/node.ts';
import type { Engine } from '../docker/engine.ts';
import type { EventLog } from '../event-log.ts';
import { applySteps } from '../kernel/ip.ts';
import type { Verdict } from '../node/conditions.ts';
import type { Flannel } from './flannel/flannel.ts';
import { kernelNetwork } from './kernel-network.ts';
import { lookWaiters } from './look-waiters.ts';
import { networkConditions } from './network-conditions.ts';
import { overlayLock } from './overlay-lock.ts';
import { surroundings } from './surroundings.ts';
import { ANOTHER_AGENT, asTrouble, refusedClash, sufferedClash, type Trouble } from './trouble.ts';
import { type Underlay, underlayAt } from './underlay.ts';
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

/** So many of the kernel's refusals are told of: they are mostly the same. */
const PROBLEMS_SHOWN = 3;

/** With a subnet of its own. */
type Member = AssignedNetwork & { readonly subnet: string };

/** Nothing is looked at before the first `trigger`. */
export function openHostNetwork(options: HostNetworkOptions): HostNetwork {
  const { log, now } = options;
  const kernel = kernelNetwork({ log, now, rememberMs: EVERY_MS });
  const around = surroundings({ owner: options.owner, onLateEnd: trigger });
  const waiters = lookWaiters(now);
  const wireguard = openWireguard({ keyFile: options.keyFile, now, log });
  const conditions = networkConditions({ ...options, encryption: (assigned) => wireguard.verdict(assigned) });
  let lock: Awaited<ReturnType<typeof overlayLock>>;
  let facts: NodeNetwork | undefined;
  /** The assignment that was set up last, as far as it could be. */
  let done: AssignedNetwork | undefined;
  /** The engine has not answered what the last look asked it. */
  let engineLate = false;
  /** Without a part in the network: for this assignment everything has been taken away. */
  let cleared: AssignedNetwork | 'none' | undefined;
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
      const before = JSON.stringify([facts, conditions.verdicts()]);
      engineLate = false;
      try {
        conditions.settle(await pass(assigned));
      } catch (error) {
        kernel.forget();
        conditions.settle(asTrouble(error));
      }
      if (!engineLate) done = assigned;
      known = true;
      waiters.letGo();
      if (JSON.stringify([facts, conditions.verdicts()]) !== before) options.onChange();
    }
    running = undefined;
    if (closed) return;
    const wait = wireguard.seeking() ? SEEKING_MS : EVERY_MS;
    timer = setTimeout(() => {
      kernel.forget();
      trigger();
    }, wait);
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
    if (late) return conditions.trouble;
    if (clash) return sufferedClash(given.network, clash);
    conditions.ready(given.subnet);
    return undefined;
  }

  /** The device by which others reach this host, or why there is none. A host whose cable is out has none just now: it is still the same host. */
  function underlayOf(observed: ObservedNetwork): Underlay | Trouble {
    const current = options.address();
    const held = deviceOf(current, observed) !== undefined;
    if (!held) options.onAddressLost();
    return underlayAt(held ? current : (facts?.address ?? current), observed);
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
    conditions.offLink(peersOffLink(assigned, look));
    const refused = await kernel.program(wanted, look);
    // It may only have been that the kernel wasn't as it was remembered.
    if (refused.length > 0 && !fresh) again = true;
    if (secure) {
      const { observed: seen, unreached } = await wireguard.configure(assigned, under.address);
      facts = { ...facts, ...(seen.length > 0 && { observed: seen }), ...(unreached.length > 0 && { unreached }) };
    }
    return refused.slice(0, PROBLEMS_SHOWN);
  }

  /**
   * No part in a network (any more): what we made goes, and what others made stays. False while something is left: containers that are
   * being stopped are on it, or the engine is down.
   */
  async function takeAway(observed: ObservedNetwork): Promise<boolean> {
    conditions.ready(undefined);
    wireguard.off();
    await options.flannel?.release();
    const steps = networkSteps(NOTHING_WANTED, observed);
    const mine = steps.length > 0 || observed.routes.some(({ protocol }) => protocol === String(ROUTE_PROTOCOL));
    if (mine) await applySteps(steps);
    kernel.forget();
    const engine = options.engine();
    return engine !== undefined && (await around.remove(engine));
  }

  return {
    trigger,
    async podNetwork() {
      const assigned = options.assigned();
      if (!assigned?.subnet) return undefined;
      const settled = () =>
        closed || (done === options.assigned() && (around.podNetwork() !== undefined || conditions.trouble !== undefined));
      await waiters.until(settled, trigger, WAIT_MS);
      return around.podNetwork();
    },
    inUse: () => around.podNetwork() !== undefined,
    facts: () => facts,
    known: () => known,
    verdicts: () => conditions.verdicts(),
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
