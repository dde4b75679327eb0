import { access, constants } from 'node:fs/promises';
import type { AssignedNetwork } from '../../../core/network/assigned-network.ts';
import { WIREGUARD_DEVICE } from '../../../core/network/names.ts';
import { readWireguardDump, type WireguardDump } from '../../../core/network/wireguard/dump.ts';
import { encryptionOf } from '../../../core/network/wireguard/encryption.ts';
import { planPeers, type Search } from '../../../core/network/wireguard/plan-peers.ts';
import type { Logger } from '../../../core/ports/logger.ts';
import type { NodeNetwork } from '../../../core/resources/schema/node.ts';
import { messageOf } from '../../docker/errors.ts';
import { runCommand, ToolMissing } from '../../kernel/command.ts';
import type { Verdict } from '../../node/conditions.ts';
import { wireguardKey, type WireguardKey } from './key.ts';
import { USERSPACE, userspace } from './userspace.ts';

/** WireGuard on this host: the kernel's where it has it, else a program's. Calls must not overlap. */
export interface Wireguard {
  /**
   * Makes the device, if it isn't there or nobody answers for it. `present`: this host's network has one. That of `wg` is no proof: it asks
   * by a socket in /run/wireguard, and whose network is behind that, nobody knows. undefined: it can't be had here; `verdict` says why.
   */
  prepare(port: number, present: boolean): Promise<'kernel' | 'userspace' | undefined>;
  /** Not wanted (any more). */
  off(): undefined;
  /** `prepare` has just made the device, or taken away one that nobody answered for: what was seen of the kernel before is old. */
  made(): boolean;
  /** Tells it of the peers. */
  configure(
    assigned: AssignedNetwork,
    address: string,
  ): Promise<{ observed: { node: string; endpoint: string }[]; unreached: string[] }>;
  /** Paths are being looked for. */
  seeking(): boolean;
  facts(): Pick<NodeNetwork, 'wireguard'>;
  verdict(assigned: AssignedNetwork): Verdict;
}

export interface WireguardOptions {
  readonly keyFile: string;
  readonly now: () => number;
  readonly log: Logger;
}

/** What wasn't there isn't looked for again before this, ms: somebody may install it. */
const AGAIN_MS = 60_000;
/** Not after its first failure, ms: that may be a moment's, and packets go unencrypted meanwhile. */
const SOON_MS = 5_000;
/** Who answers no sooner than this hangs, ms: even a busy host takes a hundredth of it. */
const ANSWER_MS = 10_000;
/** Peers in one command: a command has a length. */
const PEERS_AT_ONCE = 500;

export function wireguard({ keyFile, now, log }: WireguardOptions): Wireguard {
  const program = userspace({ log });
  let key: WireguardKey | undefined;
  let running: { by: 'kernel' | 'userspace'; port: number } | undefined;
  /** The port that the device was last told to have; it has another one if that is somebody else's. */
  let askedPort: number | undefined;
  let justMade = false;
  let missing: { why: string; until: number } | undefined;
  let searches: ReadonlyMap<string, Search> = new Map();
  let seeking = false;

  async function dump(): Promise<WireguardDump | undefined> {
    const { code, stdout } = await runCommand('wg', ['show', WIREGUARD_DEVICE, 'dump'], '', ANSWER_MS);
    return code === 0 ? readWireguardDump(stdout) : undefined;
  }

  async function make(): Promise<'kernel' | 'userspace'> {
    const kernel = await runCommand('ip', ['link', 'add', WIREGUARD_DEVICE, 'type', 'wireguard']);
    if (kernel.code === 0) return 'kernel';
    const tun = await access('/dev/net/tun', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    );
    const why = kernel.stderr.trim().split('\n')[0] ?? '';
    if (!tun) throw new Error(`the kernel has no WireGuard (${why}), and without /dev/net/tun no program can do it`);
    await program.start(WIREGUARD_DEVICE).catch((error: unknown) => {
      if (!(error instanceof ToolMissing)) throw error;
      throw new Error(`the kernel has no WireGuard (${why}), and ${USERSPACE} is not installed: install one of the two`);
    });
    return 'userspace';
  }

  /** Both ends have moved, mostly: a session goes on at addresses that are no more, for three minutes. Without it they are looked for anew. */
  async function forgetPeers(keys: readonly string[]): Promise<void> {
    searches = new Map();
    for (let from = 0; from < keys.length; from += PEERS_AT_ONCE) {
      const part = keys.slice(from, from + PEERS_AT_ONCE);
      await runCommand('wg', ['set', WIREGUARD_DEVICE, ...part.flatMap((key) => ['peer', key, 'remove'])]);
    }
  }

  async function isHere(): Promise<boolean> {
    return (await runCommand('ip', ['link', 'show', WIREGUARD_DEVICE])).code === 0;
  }

  async function kindOf(): Promise<'kernel' | 'userspace'> {
    const { stdout } = await runCommand('ip', ['-j', '-d', 'link', 'show', WIREGUARD_DEVICE]);
    return stdout.includes('"info_kind":"wireguard"') ? 'kernel' : 'userspace';
  }

  return {
    made: () => justMade,
    async prepare(port, present) {
      justMade = false;
      if (missing && now() < missing.until) return undefined;
      try {
        key ??= await wireguardKey(keyFile);
        let held = present ? await dump() : undefined;
        let by = held ? (running?.by ?? (await kindOf())) : undefined;
        if (!held || !by) {
          // Its program has lost its socket, or hangs. The name is free again without its device, and it ends with that, unless it hangs.
          if (present) await runCommand('ip', ['link', 'del', WIREGUARD_DEVICE]);
          justMade = true;
          by = await make();
          held = await dump();
          if (!held) throw new Error(`wg does not show ${WIREGUARD_DEVICE}`);
          if (!(await isHere())) throw new Error(`/run/wireguard/${WIREGUARD_DEVICE}.sock is of a device in another network`);
          log.info('WireGuard device made', { by });
        } else if (!running) log.info('WireGuard device found', { by });
        const moves = askedPort !== port && held.port !== port;
        if (held.publicKey !== key.publicKey || held.port === 0 || justMade || moves) await configureDevice(key, port, held.port);
        askedPort = port;
        running = { by, port: (await dump())?.port ?? port };
        if (!justMade && held.port !== 0 && running.port !== held.port) await forgetPeers([...held.peers.keys()]);
        missing = undefined;
        return by;
      } catch (error) {
        const why = error instanceof ToolMissing ? `${error.message}: ${error.fix}` : messageOf(error);
        const isNew = missing?.why !== why;
        if (isNew) log.warn('WireGuard can not be used on this host', { reason: why });
        // What worked at the last look is tried again at the next.
        missing = { why, until: now() + (running ? 0 : isNew ? SOON_MS : AGAIN_MS) };
        running = undefined;
        return undefined;
      }
    },
    off() {
      running = undefined;
      missing = undefined;
      searches = new Map();
      seeking = false;
      return undefined;
    },
    async configure(assigned, address) {
      const held = await dump();
      if (!held) throw new Error(`wg does not show ${WIREGUARD_DEVICE}`);
      const plan = planPeers(assigned, held, searches, { address, now: now() });
      ({ searches, seeking } = plan);
      for (let from = 0; from < plan.changes.length; from += PEERS_AT_ONCE) {
        const part = plan.changes.slice(from, from + PEERS_AT_ONCE).flat();
        const { code, stderr } = await runCommand('wg', ['set', WIREGUARD_DEVICE, ...part]);
        if (code !== 0) throw new Error(`wg set: ${stderr.trim()}`);
      }
      return { observed: [...plan.observed], unreached: [...plan.unreached] };
    },
    seeking: () => seeking,
    facts: () => (running && key ? { wireguard: { publicKey: key.publicKey, port: running.port } } : {}),
    verdict(assigned) {
      const type = 'NetworkEncrypted';
      if (!running) {
        const then = assigned.backend.allowUnencrypted
          ? 'Packets between pods are NOT encrypted'
          : 'It reaches no other host, as the Network forbids that';
        const why = missing?.why ?? 'WireGuard has not been started yet';
        return { type, status: 'False', reason: 'WireGuardUnavailable', message: `${why}. ${then}.` };
      }
      return { type, ...encryptionOf(assigned, running.by) };
    },
  };
}

/** `held`: the port that it has, 0 if none. */
async function configureDevice({ file }: WireguardKey, port: number, held: number): Promise<void> {
  const set = (wanted: number) => runCommand('wg', ['set', WIREGUARD_DEVICE, 'private-key', file, 'listen-port', String(wanted)]);
  const first = await set(port);
  if (first.code === 0) return;
  // Somebody else has the port. Others are told the one that it has, or that is free.
  const second = await set(held);
  if (second.code !== 0) throw new Error(`wg set: ${second.stderr.trim()}`);
}
