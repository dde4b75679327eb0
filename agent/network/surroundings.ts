import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { podMtu } from '../../core/network/paths.ts';
import type { Engine } from '../docker/engine.ts';
import { ensurePodNetwork, type PodNetworks, removePodNetworks } from './docker-network.ts';
import { type Firewall, firewall } from './firewall.ts';
import { softDeadline } from './soft-deadline.ts';

/**
 * What stands around the kernel's part on a host: Docker's network on the lease, and the firewall. Calls must not overlap. An engine that hangs
 * keeps none of them for longer than a moment.
 */
export interface Surroundings {
  /** Docker's network for new pods; undefined: there is none (any more). */
  podNetwork(): string | undefined;
  /** New pods are not put on it from now on. */
  leave(): void;
  /**
   * Makes it so; with `looked` even if nothing changed here. Returns what could not be done, in words, and whether the engine still keeps it waiting.
   * Throws as ensurePodNetwork does, be it at the call after one that was late. Without an engine, what was set up before is repaired.
   */
  ensure(
    engine: Engine | undefined,
    assigned: AssignedNetwork & { readonly subnet: string },
    mtu: number,
    looked: boolean,
  ): Promise<{ readonly problems: string[]; readonly late: boolean }>;
  /** False while something is left: containers that are being stopped are on it, or the engine hangs. */
  remove(engine: Engine): Promise<boolean>;
}

export interface SurroundingsOptions {
  /** `<cluster>/<host id>`. */
  readonly owner: string;
  /** The engine has answered what it was asked long ago: look again. */
  readonly onLateEnd: () => void;
  readonly walls?: Firewall;
}

/** With it, and what else there is to do, the kernel is still looked at often enough, ms. */
const ENGINE_WAIT_MS = 1_000;

export function surroundings({ owner, onLateEnd, walls = firewall() }: SurroundingsOptions): Surroundings {
  /** What the engine was asked for last; undefined: to take all away. */
  let asked: string | undefined;
  /** What it refused when nobody waited any more. */
  let refused: { readonly for: string | undefined; readonly error: unknown } | undefined;
  const engineWork = softDeadline(ENGINE_WAIT_MS, (failure) => {
    refused = failure && { for: asked, ...failure };
    onLateEnd();
  });
  /** What new pods are to be on, as text; undefined: not on a network of ours. */
  let wanted: string | undefined;
  /** What the engine made of it, or of what was wanted before. */
  let made: { readonly for: string; readonly networks: PodNetworks } | undefined;
  /** For what the firewall was last set up. */
  let walled: string | undefined;

  return {
    podNetwork: () => (wanted === undefined ? undefined : made?.networks.name),
    leave() {
      wanted = undefined;
    },
    async ensure(engine, { network, subnet, backend }, mtu, looked) {
      const next = JSON.stringify([network, subnet, backend, mtu]);
      wanted = next;
      const before = refused;
      refused = undefined;
      // It is asked again at the next look: at once, it would be asked without end, and nobody would hear why.
      if (before?.for === next) throw before.error;
      if (!looked && made?.for === next && walled === next) return { problems: [], late: false };
      const outcome =
        engine &&
        (await engineWork.wait(async () => {
          asked = next;
          const networks = await ensurePodNetwork(engine, { subnet, mtu: podMtu(backend, mtu), owner });
          made = { for: next, networks };
          return networks;
        }));
      const late = outcome === 'late';
      if (made?.for !== next) return { problems: [], late };
      const problems = await walls.ensure({ network, subnets: made.networks.subnets });
      walled = problems.length === 0 ? next : undefined;
      return { problems, late };
    },
    async remove(engine) {
      // From now on it may be gone at any moment: whoever wants it again has it made again.
      made = undefined;
      refused = undefined;
      const left = await engineWork.wait(() => {
        asked = undefined;
        return removePodNetworks(engine);
      });
      if (left === 'late' || left.length > 0) return false;
      await walls.remove().catch(() => undefined);
      return true;
    },
  };
}
