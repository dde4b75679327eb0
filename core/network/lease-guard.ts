import type { ReadView } from '../keyspace/types.ts';
import { decodeResource, prefixEnd, resourceKey } from '../resources/codec.ts';
import { type FieldError, forbiddenField } from '../resources/field-error.ts';
import type { Network } from '../resources/schema/network.ts';
import type { Node } from '../resources/schema/node.ts';
import { NETWORK_NAME, readNetwork } from './config.ts';
import { parseCidr } from './ipv4.ts';
import { mayKeep } from './leases.ts';

const NETWORK_KEY = resourceKey('terrane.dev', 'networks', undefined, NETWORK_NAME);
const NODES = resourceKey('', 'nodes', undefined, '');

/**
 * A lease that holds good isn't changed, by whomever (as Kubernetes' podCIDR): the host's pods have its addresses. Who replaces a Node and doesn't
 * speak of it leaves it (`next`, a private copy, gets it back). What may be replaced is one that the Network has no place for any more, or
 * that two Nodes have.
 */
export function keepLease(next: Node, previous: Node, view: Pick<ReadView, 'get' | 'range'>): FieldError[] {
  const { podCIDR: held, podCIDRs } = previous.spec ?? {};
  if (held === undefined || next.spec?.podCIDR === held || !holdsGood(previous, held, view)) return [];
  if (next.spec?.podCIDR === undefined) {
    next.spec = { ...next.spec, podCIDR: held, ...(podCIDRs && { podCIDRs }) };
    return [];
  }
  const why = `${held} is this host's lease, which stays until the host is removed: reserve another in the Network before a host joins`;
  return [forbiddenField('spec.podCIDR', why)];
}

function holdsGood({ metadata }: Node, held: string, view: Pick<ReadView, 'get' | 'range'>): boolean {
  const network = view.get(NETWORK_KEY);
  const config = network && readNetwork(decodeResource<Network>(network).spec).config;
  const cidr = parseCidr(held);
  if (!config || config.backend.type === 'none' || !cidr || !mayKeep(config, metadata.name, cidr)) return false;
  for (const kv of view.range(NODES, prefixEnd(NODES))) {
    const other = decodeResource<Node>(kv);
    if (other.metadata.uid !== metadata.uid && other.spec?.podCIDR === held) return false;
  }
  return true;
}
