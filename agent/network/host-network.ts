import { ROUTE_PROTOCOL } from '../../core/network/names.ts';
import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { afterSteps } from '../../core/network/kernel/after-steps.ts';
import { networkSteps } from '../../core/network/kernel/diff.ts';
import { NOTHING_WANTED, type ObservedNetwork } from '../../core/network/kernel/state.ts';
import { podMtu } from '../../core/network/paths.ts';
import { clashWith, deviceOf, onLink } from '../../core/network/underlay.ts';
import { wantedNetwork } from '../../core/network/wanted.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { NodeNetwork } from '../../core/resources/schema/node.ts';
import { containsAddress, parseAddress, parseCidr } from '../../core/network/ipv4.ts';
import type { Engine } from '../docker/engine.ts';
import { messageOf } from '../docker/errors.ts';
import type { EventLog } from '../event-log.ts';
import { ToolMissing } from '../kernel/command.ts';
import { applySteps, observeNetwork } from '../kernel/ip.ts';
import type { Verdict } from '../node/conditions.ts';
import { ensurePodNetwork, removePodNetworks } from './docker-network.ts';
import { firewall } from './firewall.ts';
import type { Flannel } from './flannel/flannel.ts';
import { overlayLock } from './overlay-lock.ts';
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
/** A pod waits no longer for its network than this, ms. */
const WAIT_MS = 20_000;

interface Trouble {
  readonly reason: string;
  readonly message: string;
}

/** Nothing is looked at before the first `trigger`. */
export function openHostNetwork(options: HostNetworkOptions): HostNetwork {
  const { log, events, now } = options;
  const walls = firewall();
  const wireguard = openWireguard({ keyFile: options.keyFile, now, log });
  let lock: Awaited<ReturnType<typeof overlayLock>>;
  let facts: NodeNetwork | undefined;
  let podNetwork: string | undefined;
  /** The assignment that was set up last, as far as it could be. */
  let done: AssignedNetwork | undefined;
  /** What the kernel holds, as far as nobody else changed it; undefined: it must be looked at. */
  let held: ObservedNetwork | undefined;
  /** For what Docker's network and the firewall were last set up. */
  let surroundings: string | undefined;
  let trouble: Trouble | undefined;
  /** Without a part in the network: for this assignment everything has been taken away. */
  let cleared: AssignedNetwork | 'none' | undefined;
  let ready: string | undefined;
  /** What was last said of packets that are not encrypted. */
  let unencrypted: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let closed = false;
  const waiting = new Set<() => void>();

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
      try {
        settle(await pass(assigned));
      } catch (error) {
        held = undefined;
        settle(asTrouble(error));
      }
      done = assigned;
      for (const go of waiting) go();
      if (JSON.stringify([facts, verdicts()]) !== before) options.onChange();
    }
    running = undefined;
    if (closed) return;
    const wait = wireguard.seeking() ? SEEKING_MS : EVERY_MS;
    timer = setTimeout(() => {
      held = undefined;
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
      return {
        reason: 'AnotherAgent',
        message: "another agent on this machine has the pods' network: stop it, or start this one with --pod-network none",
      };
    }
    const looked = held === undefined;
    const observed = held ?? (await observeNetwork());
    // A host whose cable is out has none just now: it is still the same host.
    const current = options.address();
    const address = deviceOf(current, observed) ? current : (facts?.address ?? current);
    const under = deviceOf(address, observed);
    if (!under || parseAddress(address) === undefined) {
      facts = undefined;
      return {
        reason: 'NoAddress',
        message: `no device of this host has the address ${address}, by which others should reach it`,
      };
    }
    facts = { address, mtu: under.mtu, ...wireguard.facts() };
    const subnet = given?.subnet;
    if (!given || subnet === undefined) {
      podNetwork = undefined;
      if (options.isAssigned() && cleared !== (given ?? 'none') && (await takeAway(observed))) cleared = given ?? 'none';
      return given?.problem;
    }
    let assigned = given;
    cleared = undefined;
    const clash = clashWith(assigned.network, observed);
    if (clash && !isSetUp(assigned.network, observed)) {
      podNetwork = undefined;
      return {
        reason: 'NetworkClash',
        message: `the pods' network ${assigned.network} overlaps ${clash} on this host: give the Network other addresses, or this host`,
      };
    }
    if (options.flannel) {
      const mixed = await options.flannel.sync(assigned, { address, mtu: under.mtu });
      if ('problem' in mixed) return { reason: 'FlannelNetwork', message: mixed.problem };
      assigned = mixed.network;
    }
    const secure = assigned.backend.type === 'wireguard' ? await wireguard.prepare(assigned.backend.listenPort) : wireguard.off();
    facts = { address, mtu: under.mtu, ...wireguard.facts() };
    const look = wireguard.made() ? await observeNetwork() : observed;
    const wanted = wantedNetwork(assigned, {
      address,
      device: under.name,
      mtu: under.mtu,
      wireguard: secure !== undefined,
      wireguardBy: secure ?? 'kernel',
      onLink: (peer) => onLink(peer, look),
    });
    const steps = networkSteps(wanted, look);
    const refused = await applySteps(steps);
    held = refused.length === 0 ? afterSteps(look, steps) : undefined;
    // It may only have been that the kernel wasn't as it was remembered.
    if (refused.length > 0 && !looked) again = true;
    if (steps.length > 0) log.info('the network was programmed', { steps: steps.length, refused: refused.length });
    if (secure) {
      const { observed: seen, unreached } = await wireguard.configure(assigned, address);
      facts = { ...facts, ...(seen.length > 0 && { observed: seen }), ...(unreached.length > 0 && { unreached }) };
    }

    const problems = refused.slice(0, 3).map(({ line, reason }) => `${line}: ${reason}`);
    const engine = options.engine();
    const around = JSON.stringify([assigned.network, subnet, assigned.backend, under.mtu]);
    if (engine && (looked || around !== surroundings || podNetwork === undefined)) {
      const networks = await ensurePodNetwork(engine, {
        subnet,
        mtu: podMtu(assigned.backend, under.mtu),
        owner: options.owner,
      });
      podNetwork = networks.name;
      problems.push(...(await walls.ensure({ network: assigned.network, subnets: networks.subnets })));
      surroundings = around;
    }
    if (problems.length > 0) return { reason: 'NetworkNotProgrammed', message: problems.join('; ') };
    if (clash)
      return {
        reason: 'NetworkClash',
        message: `${clash}, overlaps the pods' network ${assigned.network} on this host, and takes packets away from it`,
      };
    ready = `this host's pods have ${subnet}`;
    return undefined;
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
    held = undefined;
    const engine = options.engine();
    if (!engine || (await removePodNetworks(engine)).length > 0) return false;
    await walls.remove().catch(() => undefined);
    return true;
  }

  function verdicts(): Verdict[] {
    const type = 'NetworkUnavailable';
    if (trouble) return [{ type, status: 'True', ...trouble }];
    const assigned = options.assigned();
    if (!ready || !assigned?.subnet) return [];
    const verdict = { type, status: 'False' as const, reason: 'NetworkReady', message: `${ready}${outside(assigned)}` };
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
      const deadline = now() + WAIT_MS;
      while (!closed && now() < deadline && (done !== options.assigned() || (podNetwork === undefined && !trouble))) {
        await new Promise<void>((resolve) => {
          const go = () => {
            clearTimeout(limit);
            waiting.delete(go);
            resolve();
          };
          const limit = setTimeout(go, Math.max(1, deadline - now()));
          waiting.add(go);
          trigger();
        });
      }
      return podNetwork;
    },
    inUse: () => podNetwork !== undefined,
    facts: () => facts,
    verdicts,
    async close() {
      closed = true;
      clearTimeout(timer);
      for (const go of waiting) go();
      await running;
      lock?.release();
    },
  };
}

/** This very network was programmed before: whatever came beside it since, pods that talk by it go on. */
function isSetUp(network: string, { routes }: ObservedNetwork): boolean {
  return routes.some(({ to, device, protocol }) => to === network && device === undefined && protocol === String(ROUTE_PROTOCOL));
}

function asTrouble(error: unknown): Trouble {
  if (error instanceof ToolMissing) return { reason: 'ToolMissing', message: `${error.message}: ${error.fix}` };
  const message = messageOf(error);
  return { reason: 'NetworkNotProgrammed', message };
}

/** The host takes no part: pods are on Docker's own bridge. */
export function noHostNetwork(): HostNetwork {
  return {
    trigger: () => undefined,
    podNetwork: () => Promise.resolve(undefined),
    inUse: () => false,
    facts: () => undefined,
    verdicts: () => [],
    close: () => Promise.resolve(),
  };
}
