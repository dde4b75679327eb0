import { SETTINGS_NAME, SETTINGS_NAMESPACE } from '../controllers/settings-name.ts';
import type { ReadView } from '../keyspace/types.ts';
import { decodeResource, resourceKey } from '../resources/codec.ts';
import { type FieldError, invalidValue } from '../resources/field-error.ts';
import type { ConfigMap } from '../resources/schema/config-map.ts';
import { type Cidr, parseCidr } from './ipv4.ts';

/** Which addresses a cluster's Services get: `serviceCidr` of its settings (ConfigMap `terrane-system/cluster-settings`). */

const SERVICE_CIDR_DEFAULT = '10.96.0.0/16';
export const SERVICE_CIDR_KEY = 'serviceCidr';

/** Fewer addresses than 256 are used up in no time, and more than 2^20 nobody needs. */
const PREFIX = { least: 12, most: 24 };

const SETTINGS_KEY = resourceKey('', 'configmaps', SETTINGS_NAMESPACE, SETTINGS_NAME);

/** A value that can't be used counts as none, as with every setting. */
export function serviceCidrOf(view: Pick<ReadView, 'get'>): Cidr {
  const kv = view.get(SETTINGS_KEY);
  const text = kv && decodeResource<ConfigMap>(kv).data?.[SERVICE_CIDR_KEY];
  return (text !== undefined ? usable(text) : undefined) ?? parseCidr(SERVICE_CIDR_DEFAULT)!;
}

/** What is wrong with the settings' value, if there is one. */
export function serviceCidrProblems(text: string | undefined): FieldError[] {
  if (text === undefined || usable(text)) return [];
  const range = `from /${PREFIX.least} to /${PREFIX.most}`;
  return [invalidValue(`data.${SERVICE_CIDR_KEY}`, text, `must be an IPv4 block ${range}, e.g. ${SERVICE_CIDR_DEFAULT}`)];
}

function usable(text: string): Cidr | undefined {
  const cidr = parseCidr(text);
  return cidr && cidr.prefix >= PREFIX.least && cidr.prefix <= PREFIX.most ? cidr : undefined;
}
