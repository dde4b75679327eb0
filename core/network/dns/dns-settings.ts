import { SETTINGS_NAME, SETTINGS_NAMESPACE } from '../../controllers/settings-name.ts';
import type { ClusterState } from '../../controllers/types.ts';
import { type FieldError, invalidValue } from '../../resources/field-error.ts';
import { dnsSubdomain } from '../../resources/names.ts';
import { isIpv4, isIpv6, isWithin } from './names.ts';

/** What a cluster's owner may choose of names: keys of the ConfigMap `terrane-system/cluster-settings`, lists with blanks or commas between. */
export interface DnsSettings {
  /** Domains whose names are keys below /skydns; undefined: SkyDNS's own. */
  readonly skydnsDomains?: readonly string[];
  /** Name servers of the outside, in place of those that each host has in its /etc/resolv.conf. */
  readonly servers?: readonly string[];
}

const SERVERS_MAX = 8;
const DOMAINS_MAX = 16;

/** Undefined: nothing was chosen. A value that can't be used counts as none, as with every setting. */
export function dnsSettingsOf(state: Pick<ClusterState, 'get'>): DnsSettings | undefined {
  const { skydnsDomains, dnsServers } = state.get('ConfigMap', SETTINGS_NAMESPACE, SETTINGS_NAME)?.data ?? {};
  const domains = skydnsDomains !== undefined && !domainsProblem(skydnsDomains) ? listOf(skydnsDomains) : undefined;
  const servers = dnsServers !== undefined && !serversProblem(dnsServers) ? listOf(dnsServers) : undefined;
  if (!domains && !servers) return undefined;
  return { ...(domains && { skydnsDomains: domains }), ...(servers && { servers }) };
}

/** What is wrong with the settings' values. */
export function dnsSettingsProblems({ skydnsDomains, dnsServers }: Readonly<Record<string, string>>): FieldError[] {
  const domains = skydnsDomains === undefined ? undefined : domainsProblem(skydnsDomains);
  const servers = dnsServers === undefined ? undefined : serversProblem(dnsServers);
  return [
    ...(domains ? [invalidValue('data.skydnsDomains', skydnsDomains, domains)] : []),
    ...(servers ? [invalidValue('data.dnsServers', dnsServers, servers)] : []),
  ];
}

function listOf(text: string): string[] {
  return [
    ...new Set(
      text
        .toLowerCase()
        .split(/[\s,]+/)
        .filter(Boolean),
    ),
  ];
}

/** The reverse zones are domains, too; a whole top-level one may be somebody's own (`local`), but never all names. */
function domainsProblem(text: string): string | undefined {
  const domains = listOf(text);
  if (domains.length > DOMAINS_MAX) return `must not be more than ${DOMAINS_MAX} domains`;
  for (const domain of domains) {
    const wrong = dnsSubdomain(domain);
    if (wrong) return `${domain}: ${wrong}`;
    const above = domains.find((other) => other !== domain && isWithin(domain, other));
    if (above) return `${domain} is in ${above} already`;
  }
  return undefined;
}

function serversProblem(text: string): string | undefined {
  const servers = listOf(text);
  if (servers.length === 0) return 'must name at least one address, or be left out';
  if (servers.length > SERVERS_MAX) return `must not be more than ${SERVERS_MAX} addresses`;
  const wrong = servers.find((server) => !isIpv4(server) && !isIpv6(server));
  return wrong && `${wrong} is no IP address`;
}
