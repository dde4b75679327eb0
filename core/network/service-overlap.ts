import type { ReadView } from '../keyspace/types.ts';
import { decodeResource, resourceKey } from '../resources/codec.ts';
import { type FieldError, invalidValue } from '../resources/field-error.ts';
import type { Network } from '../resources/schema/network.ts';
import { NETWORK_NAME, readNetwork } from './config.ts';
import { type Cidr, formatCidr, overlaps, parseCidr } from './ipv4.ts';
import { SERVICE_CIDR_KEY, serviceCidrOf } from './service-cidr.ts';

/** An address that is a pod's and a Service's would be neither: the two blocks must be apart. Whichever is written second is refused. */

const NETWORK_KEY = resourceKey('terrane.dev', 'networks', undefined, NETWORK_NAME);

export function networkOverlap({ spec }: Network, view: Pick<ReadView, 'get'>): FieldError[] {
  const network = readNetwork(spec).config?.network;
  const services = serviceCidrOf(view);
  if (!network || !overlaps(network, services)) return [];
  const fix = `choose another one, or another ${SERVICE_CIDR_KEY} in the ConfigMap terrane-system/cluster-settings`;
  return [
    invalidValue('spec.network', formatCidr(network), `overlaps the addresses of Services (${formatCidr(services)}): ${fix}`),
  ];
}

/** `text`: the settings' serviceCidr. What is malformed is told of elsewhere. */
export function serviceCidrOverlap(text: string | undefined, view: Pick<ReadView, 'get'>): FieldError[] {
  const services = text === undefined ? undefined : parseCidr(text);
  const network = services && podNetworkOf(view);
  if (!services || !network || !overlaps(network, services)) return [];
  return [
    invalidValue(`data.${SERVICE_CIDR_KEY}`, text, `overlaps the addresses of pods (${formatCidr(network)}): choose another one`),
  ];
}

function podNetworkOf(view: Pick<ReadView, 'get'>): Cidr | undefined {
  const kv = view.get(NETWORK_KEY);
  return kv && readNetwork(decodeResource<Network>(kv).spec).config?.network;
}
