import { isIpv4, isIpv6 } from '../../network/dns/names.ts';
import { type FieldError, invalidValue, required } from '../field-error.ts';
import { dnsSubdomain } from '../names.ts';
import type { PodSpec } from '../schema/pod.ts';

/** Kubernetes' own. */
const NAMESERVERS_MAX = 3;
const SEARCHES_MAX = 32;
const SEARCH_LENGTH_MAX = 2048;

export function validateDns({ dnsPolicy, dnsConfig }: PodSpec, field: string): FieldError[] {
  const at = `${field}.dnsConfig`;
  const { nameservers = [], searches = [], options = [] } = dnsConfig ?? {};
  const errors: FieldError[] = [];
  if (dnsPolicy === 'None' && nameservers.length === 0)
    errors.push(required(`${at}.nameservers`, 'must provide at least one DNS nameserver when `dnsPolicy` is None'));
  if (nameservers.length > NAMESERVERS_MAX)
    errors.push(invalidValue(`${at}.nameservers`, nameservers, `must not have more than ${NAMESERVERS_MAX} nameservers`));
  for (const [index, server] of nameservers.entries()) {
    if (!isIpv4(server) && !isIpv6(server))
      errors.push(invalidValue(`${at}.nameservers[${index}]`, server, 'must be a valid IP address'));
  }
  if (searches.length > SEARCHES_MAX)
    errors.push(invalidValue(`${at}.searches`, searches, `must not have more than ${SEARCHES_MAX} search paths`));
  if (searches.join(' ').length > SEARCH_LENGTH_MAX)
    errors.push(invalidValue(`${at}.searches`, searches, `must not have more than ${SEARCH_LENGTH_MAX} characters in all`));
  for (const [index, domain] of searches.entries()) {
    const wrong = domain === '.' ? undefined : dnsSubdomain(domain.replace(/\.$/, ''));
    if (wrong) errors.push(invalidValue(`${at}.searches[${index}]`, domain, wrong));
  }
  for (const [index, { name }] of options.entries())
    if (!name) errors.push(required(`${at}.options[${index}]`, 'must not be empty'));
  return errors;
}
