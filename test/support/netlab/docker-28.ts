import type { LabHost } from './netlab.ts';

interface Inspected {
  readonly Driver: string;
  readonly Id: string;
  readonly Internal: boolean;
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Containers: Readonly<Record<string, { readonly IPv4Address: string }>> | null;
}

/** Gateway modes for which Docker writes no such rule. */
const OPEN = ['nat-unprotected', 'routed'];

/**
 * Does on a host whose engine is Debian's 20.10 what Docker 28 does by itself when a container starts: for each container on a bridge it
 * appends a rule to iptables' table raw that drops what comes for it by another device, unless its network is internal or has a gateway mode
 * that does without (moby, daemon/libnetwork/drivers/bridge/internal/iptabler/endpoint.go). Returns the rules, as `iptables -S` shows them.
 */
export async function imitateDocker28(host: LabHost): Promise<string[]> {
  const ids = (await host.docker('network', 'ls', '-q', '--filter', 'driver=bridge')).trim().split('\n');
  const networks = JSON.parse(await host.docker('network', 'inspect', ...ids)) as Inspected[];
  const rules = networks
    .filter(
      ({ Internal, Options }) => !Internal && !OPEN.includes(Options?.['com.docker.network.bridge.gateway_mode_ipv4'] ?? 'nat'),
    )
    .flatMap(({ Id, Options, Containers }) => {
      const bridge = Options?.['com.docker.network.bridge.name'] ?? `br-${Id.slice(0, 12)}`;
      return Object.values(Containers ?? {}).map(
        ({ IPv4Address }) => `-A PREROUTING -d ${IPv4Address.split('/')[0]}/32 ! -i ${bridge} -j DROP`,
      );
    });
  for (const rule of rules) await host.must('iptables', '-w', '-t', 'raw', ...rule.split(' '));
  return rules;
}
