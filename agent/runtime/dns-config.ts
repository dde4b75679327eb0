import { searchDomains } from '../../core/network/dns/resolve.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import type { HostConfig } from '../docker/types.ts';

/** What this host knows of names. */
export interface HostNames {
  /** The name server of its containers and the domain of the cluster; undefined: the cluster has no network here. */
  readonly cluster: { readonly server: string; readonly domain: string } | undefined;
  /** What the host itself is told: its name servers and its search list. */
  readonly servers: readonly string[];
  readonly search: readonly string[];
}

/** What the engine is told. */
export type DnsSettings = Pick<HostConfig, 'Dns' | 'DnsSearch' | 'DnsOptions'>;

/** resolv.conf(5) takes no more name servers than that. */
const SERVERS_MAX = 3;
/** As Kubernetes. */
const SEARCH_MAX = 32;
const SEARCH_LENGTH_MAX = 2048;

/**
 * How the containers of a pod resolve names, by spec.dnsPolicy and spec.dnsConfig:
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy. Where the host's own way is meant and nothing
 * is added to it, nothing is set: the engine does that. So it is with the policy Default, and on the host's network.
 */
export function dnsSettings(pod: Pod, host: HostNames): DnsSettings {
  const { dnsPolicy = 'ClusterFirst', dnsConfig = {}, hostNetwork = false } = pod.spec;
  const { nameservers = [], searches = [], options = [] } = dnsConfig;
  const ofCluster = dnsPolicy === 'ClusterFirstWithHostNet' || (dnsPolicy === 'ClusterFirst' && !hostNetwork);
  const cluster = ofCluster ? host.cluster : undefined;
  const none = dnsPolicy === 'None';
  const base = (own: readonly string[], ofHost: readonly string[], added: readonly string[]) =>
    cluster ? own : none || added.length === 0 ? [] : ofHost;

  const servers = unique([...base([cluster?.server ?? ''], host.servers, nameservers), ...nameservers]);
  const clusterSearch = cluster ? searchDomains(pod.metadata.namespace ?? 'default', cluster.domain) : [];
  const search = unique([...base([...clusterSearch, ...host.search], host.search, searches), ...searches]);
  // Names with fewer than five dots are tried with the search list first: that takes in those of headless services' endpoints.
  const settings = optionsOf([...(cluster ? [{ name: 'ndots', value: '5' }] : []), ...options]);
  return {
    ...(servers.length > 0 ? { Dns: servers.slice(0, SERVERS_MAX) } : {}),
    // Nothing at all would mean the host's list.
    ...(search.length > 0 ? { DnsSearch: within(search) } : none ? { DnsSearch: ['.'] } : {}),
    ...(settings.length > 0 ? { DnsOptions: settings } : {}),
  };
}

/** `name:value`; the last one of a name counts. */
function optionsOf(options: readonly { readonly name?: string | undefined; readonly value?: string | undefined }[]): string[] {
  const byName = new Map<string, string>();
  for (const { name, value } of options) if (name) byName.set(name, value === undefined ? name : `${name}:${value}`);
  return [...byName.values()];
}

/** Those that fit: a resolver that finds the list too long reads none of it. */
function within(search: readonly string[]): string[] {
  let length = 0;
  return search.slice(0, SEARCH_MAX).filter((domain) => (length += domain.length + 1) <= SEARCH_LENGTH_MAX);
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}
