import { fullProblem } from '../network/assigned-to.ts';
import { NETWORK_NAME, readNetwork } from '../network/config.ts';
import { capacityOf, leaseSubnets } from '../network/leases.ts';
import { equalJson } from '../resources/equal.ts';
import type { Network } from '../resources/schema/network.ts';
import type { Node } from '../resources/schema/node.ts';
import { withCondition } from './conditions.ts';
import { Draft } from './draft.ts';
import type { Controller } from './types.ts';

const WAITING_SHOWN = 20;

/**
 * Gives each host its part of the pods' network. A cluster with hosts has a network: one with the defaults is made when there is none.
 * The lease is spec.podCIDR of the Node with the host's id (its uid), written in the commit that decides it: two hosts can't get the same one, it
 * can't outlive its host, and it is given back when the Node goes.
 */
export const networkController: Controller = {
  name: 'network-controller',
  decide(state, now) {
    const draft = new Draft(this.name, now);
    const nodes = state.list('Node');
    const network = state.get('Network', '', NETWORK_NAME);
    if (!network) {
      if (nodes.length > 0)
        draft.create({ apiVersion: 'terrane.dev/v1', kind: 'Network', metadata: { name: NETWORK_NAME }, spec: {} });
      return draft.finish();
    }
    draft.attempt(network, () => leaseAll(draft, network, nodes, now));
    return draft.finish();
  },
};

function leaseAll(draft: Draft, network: Network, nodes: readonly Node[], now: number): void {
  const { config } = readNetwork(network.spec);
  if (!config || config.backend.type === 'none') return;
  // Of two that claim the same, the older one has it.
  const inOrder = nodes.toSorted((a, b) => (orderOf(a) < orderOf(b) ? -1 : 1));
  const { subnets, waiting: without } = leaseSubnets(
    config,
    inOrder.map(({ metadata, spec }) => ({ host: metadata.uid, node: metadata.name, subnet: spec?.podCIDR })),
  );
  for (const node of inOrder) lease(draft, node, subnets.get(node.metadata.uid));
  const waiting = inOrder.filter(({ metadata }) => without.includes(metadata.uid)).map(({ metadata }) => metadata.name);

  const full = fullProblem(config);
  const condition =
    waiting.length > 0 ? { type: 'Full', status: 'True' as const, ...full } : { type: 'Full', status: 'False' as const };
  const status = {
    observedGeneration: network.metadata.generation,
    capacity: capacityOf(config),
    leased: subnets.size,
    ...(waiting.length > 0 && { waiting: waiting.slice(0, WAITING_SHOWN) }),
    conditions: withCondition(network.status?.conditions, condition, now),
  };
  if (equalJson(status, network.status)) return;
  draft.updateStatus({ ...network, status });
  for (const node of inOrder) {
    const { name } = node.metadata;
    if (waiting.includes(name) && !network.status?.waiting?.includes(name))
      draft.because(node, 'Warning', full.reason, `Node ${name} gets no subnet: ${full.message}`);
  }
}

function lease(draft: Draft, node: Node, subnet: string | undefined): void {
  const before = node.spec?.podCIDR;
  if (before === subnet && equalJson(node.spec?.podCIDRs ?? [], subnet ? [subnet] : [])) return;
  const { podCIDR: _, podCIDRs: __, ...spec } = node.spec ?? {};
  draft.update({ ...node, spec: { ...spec, ...(subnet && { podCIDR: subnet, podCIDRs: [subnet] }) } });
  const { name } = node.metadata;
  if (subnet) {
    const instead =
      before && before !== subnet ? ` in place of ${before}, which is another's or not in the network (any more)` : '';
    draft.because(node, instead ? 'Warning' : 'Normal', 'SubnetLeased', `Node ${name} has the subnet ${subnet}${instead}`);
  }
}

const orderOf = ({ metadata }: Node): string => `${metadata.creationTimestamp} ${metadata.name}`;
