import { Command } from 'commander';
import type { Network } from '../../../core/resources/schema/network.ts';
import type { Node } from '../../../core/resources/schema/node.ts';
import { NETWORK_NAME, readNetwork } from '../../../core/network/config.ts';
import { formatCidr } from '../../../core/network/ipv4.ts';
import { type Io, line } from '../../io.ts';
import { NETWORK, NODE } from '../../kube/kinds.ts';
import { withCluster } from '../../options.ts';
import { printJson } from '../../output/print.ts';
import { printTable } from '../../output/table.ts';
import { openSession, type SessionOptions } from '../../session.ts';

interface HostRow {
  readonly node: string;
  readonly subnet: string | undefined;
  readonly address: string | undefined;
  readonly encrypted: boolean;
  /** Hosts that it tried in vain, and reaches by way of another or not at all. */
  readonly indirect: readonly string[];
}

export function statusCommand(io: Io): Command {
  return withCluster(new Command('status'))
    .alias('list')
    .summary('the network and what each host has of it')
    .action(async (options: SessionOptions) => {
      const session = await openSession(io, options);
      const kube = await session.kube();
      const [network, nodes] = await Promise.all([
        kube.find<Network>(NETWORK, { name: NETWORK_NAME }),
        kube.list<Node>(NODE, undefined),
      ]);
      const config = network && readNetwork(network.spec).config;
      const hosts = nodes.items.map(rowOf);
      if (session.json) return printJson(io, { network: network?.spec ?? null, status: network?.status ?? null, hosts });
      if (!network && hosts.length === 0)
        return line(io.out, 'the cluster has no network yet: it is made with the first host, unless you apply one before that');
      if (!network || !config || config.backend.type === 'none')
        return line(io.out, "the cluster has no network: pods are on Docker's own bridges");
      const { capacity = 0, leased = 0 } = network.status ?? {};
      await line(
        io.out,
        `network ${formatCidr(config.network)}, backend ${config.backend.type}, names below ${config.clusterDomain}; ${leased} of ${capacity} subnets (/${config.hostPrefix}) in use`,
      );
      await printTable<HostRow>(
        io,
        [
          { title: 'HOST', value: ({ node }) => node },
          { title: 'SUBNET', value: ({ subnet }) => subnet },
          { title: 'ADDRESS', value: ({ address }) => address },
          { title: 'WIREGUARD', value: ({ encrypted, address }) => (address ? (encrypted ? 'yes' : 'no') : undefined) },
          {
            title: 'NOT REACHED DIRECTLY',
            value: ({ indirect }) => indirect.join(' '),
            colour: ({ indirect }) => (indirect.length > 0 ? 'yellow' : undefined),
          },
        ],
        hosts,
      );
    });
}

function rowOf({ metadata, spec, status }: Node): HostRow {
  const { network } = status ?? {};
  return {
    node: metadata.name,
    subnet: spec?.podCIDR,
    address: network?.address,
    encrypted: network?.wireguard !== undefined,
    indirect: network?.unreached ?? [],
  };
}
