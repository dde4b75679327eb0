import type { AssignedNetwork } from '../../core/network/assigned-network.ts';
import { podMtu } from '../../core/network/paths.ts';
import type { Engine } from '../docker/engine.ts';
import { ensurePodNetwork, removePodNetworks } from './docker-network.ts';
import { firewall } from './firewall.ts';

/** What stands around the kernel's part on a host: Docker's network on the lease, and the firewall. Calls must not overlap. */
export interface Surroundings {
  /** Docker's network for new pods; undefined: there is none (any more). */
  podNetwork(): string | undefined;
  /** New pods are not put on it from now on. */
  leave(): void;
  /** Makes it so; with `looked` even if nothing changed here. Returns what could not be done, in words. Throws as ensurePodNetwork does. */
  ensure(
    engine: Engine,
    assigned: AssignedNetwork & { readonly subnet: string },
    mtu: number,
    looked: boolean,
  ): Promise<string[]>;
  /** False while something is left: containers that are being stopped are on it. */
  remove(engine: Engine): Promise<boolean>;
}

/** `owner`: `<cluster>/<host id>`. */
export function surroundings(owner: string): Surroundings {
  const walls = firewall();
  let podNetwork: string | undefined;
  /** For what they were last set up. */
  let done: string | undefined;
  return {
    podNetwork: () => podNetwork,
    leave() {
      podNetwork = undefined;
    },
    async ensure(engine, { network, subnet, backend }, mtu, looked) {
      const wanted = JSON.stringify([network, subnet, backend, mtu]);
      if (!looked && wanted === done && podNetwork !== undefined) return [];
      const networks = await ensurePodNetwork(engine, { subnet, mtu: podMtu(backend, mtu), owner });
      podNetwork = networks.name;
      const problems = await walls.ensure({ network, subnets: networks.subnets });
      done = wanted;
      return problems;
    },
    async remove(engine) {
      if ((await removePodNetworks(engine)).length > 0) return false;
      await walls.remove().catch(() => undefined);
      return true;
    },
  };
}
