import { containsAddress, parseAddress, parseCidr } from './ipv4.ts';

const SPECIAL = [
  [parseCidr('0.0.0.0/8')!, 'may not be unspecified (0.0.0.0/8)'],
  [parseCidr('127.0.0.0/8')!, 'may not be in the loopback range (127.0.0.0/8)'],
  [parseCidr('169.254.0.0/16')!, 'may not be in the link-local range (169.254.0.0/16)'],
  [parseCidr('224.0.0.0/3')!, 'may not be a multicast or reserved address (224.0.0.0/3)'],
] as const;

/** What is wrong with an address that traffic shall be sent to. Special ones would reach the host itself, or its cloud's metadata. */
export function endpointAddressProblem(text: string): string | undefined {
  const address = parseAddress(text);
  if (address === undefined) return 'must be a valid IPv4 address';
  return SPECIAL.find(([cidr]) => containsAddress(cidr, address))?.[1];
}
