import { bridgeOf, dockerNetworkOf, gatewayOf } from '../../core/network/names.ts';
import type { Engine } from '../docker/engine.ts';
import { DockerError, isConflict, isNotFound } from '../docker/errors.ts';
import type { NetworkCreate, NetworkDetails } from '../docker/types.ts';

/** Labels of the networks that we made. */
const OWNER_LABEL = 'terrane.dev/network-owner';
const SUBNET_LABEL = 'terrane.dev/subnet';
const GATEWAY_MODE = 'com.docker.network.bridge.gateway_mode_ipv4';
const MTU_OPTION = 'com.docker.network.driver.mtu';

export interface DockerNetworkInput {
  readonly subnet: string;
  readonly mtu: number;
  /** `<cluster>/<host id>`. */
  readonly owner: string;
}

export interface PodNetworks {
  /** Name of the one for new pods. */
  readonly name: string;
  /** Subnets of those that there are: former ones have pods that have not moved yet. */
  readonly subnets: readonly string[];
}

/** The network could not be made; `message` is the engine's own words and what to do. */
export class DockerNetworkError extends Error {
  override readonly name = 'DockerNetworkError';
}

/**
 * What Docker is asked for: a bridge on the lease that masquerades nothing by itself. Docker 28 drops packets to ports that aren't
 * published in a table where DOCKER-USER can't take that back, unless the network's gateway mode says that it does without.
 */
export function networkCreate({ subnet, mtu, owner }: DockerNetworkInput, engineVersion: string): NetworkCreate {
  return {
    Name: dockerNetworkOf(subnet),
    Driver: 'bridge',
    CheckDuplicate: true,
    IPAM: { Config: [{ Subnet: subnet, Gateway: gatewayOf(subnet) }] },
    Options: {
      'com.docker.network.bridge.name': bridgeOf(subnet),
      'com.docker.network.bridge.enable_ip_masquerade': 'false',
      ...(knowsUnprotected(engineVersion) && { [GATEWAY_MODE]: 'nat-unprotected' }),
      [MTU_OPTION]: String(mtu),
    },
    Labels: { [OWNER_LABEL]: owner, [SUBNET_LABEL]: subnet },
  };
}

/** Docker 27 knows gateway modes and refuses this one (moby#48597 came with 28); before that nobody drops, and nobody asks. */
function knowsUnprotected(engineVersion: string): boolean {
  const major = Number.parseInt(engineVersion, 10);
  return Number.isNaN(major) || major >= 28;
}

/** Makes the network if it isn't there, and takes away former ones as soon as they are empty. Throws DockerNetworkError or DockerUnavailable. */
export async function ensurePodNetwork(engine: Engine, input: DockerNetworkInput): Promise<PodNetworks> {
  const wanted = networkCreate(input, await engine.version());
  const all = await engine.listNetworks(OWNER_LABEL);
  const current = all.find(({ Name }) => Name === wanted.Name);
  const former = all.filter((one) => one !== current);
  if (current && !(await mayStay(engine, current, wanted))) await engine.removeNetwork(current.Id);
  else if (current) return { name: wanted.Name, subnets: [input.subnet, ...(await clear(engine, former))] };
  const kept = await clear(engine, former);
  try {
    await engine.createNetwork(wanted);
  } catch (error) {
    if (!(error instanceof DockerError)) throw error;
    // Somebody made it at the same moment.
    if (!isConflict(error)) throw new DockerNetworkError(explained(error.message, input.subnet));
  }
  return { name: wanted.Name, subnets: [input.subnet, ...kept] };
}

/** Takes all of ours away that are empty. Returns the subnets of those that aren't. */
export async function removePodNetworks(engine: Engine): Promise<readonly string[]> {
  return clear(engine, await engine.listNetworks(OWNER_LABEL));
}

/** One with other options is made anew; not under pods that run: they keep what they have, and it is made anew when they are gone. */
async function mayStay(engine: Engine, current: NetworkDetails, wanted: NetworkCreate): Promise<boolean> {
  const { Options, Labels } = current;
  const same =
    Object.entries(wanted.Options).every(([name, value]) => Options?.[name] === value) &&
    Labels?.[OWNER_LABEL] === wanted.Labels[OWNER_LABEL];
  return same || !(await isEmpty(engine, current));
}

async function clear(engine: Engine, networks: readonly NetworkDetails[]): Promise<string[]> {
  const kept: string[] = [];
  for (const network of networks) {
    const subnet = network.Labels?.[SUBNET_LABEL];
    try {
      if (await isEmpty(engine, network)) {
        await engine.removeNetwork(network.Id);
        continue;
      }
    } catch (error) {
      // A container came onto it meanwhile, or somebody else took it away.
      if (!(error instanceof DockerError)) throw error;
      if (isNotFound(error)) continue;
    }
    if (subnet) kept.push(subnet);
  }
  return kept;
}

async function isEmpty(engine: Engine, { Id }: NetworkDetails): Promise<boolean> {
  return Object.keys((await engine.inspectNetwork(Id)).Containers ?? {}).length === 0;
}

function explained(message: string, subnet: string): string {
  return /overlap|conflicts with network/i.test(message)
    ? `Docker refuses a network on ${subnet}: ${message}. Another of its networks has these addresses: remove it, or change the Network's`
    : `Docker refuses a network on ${subnet}: ${message}`;
}
