import { InvalidArgumentError } from 'commander';

/** Hexadecimal, as etcd's tools have it, to the gateway's decimal. */
export function leaseId(text: string): string {
  if (!/^[0-9a-f]{1,16}$/i.test(text)) throw new InvalidArgumentError('expected the hexadecimal id of a lease.');
  return BigInt.asIntN(64, BigInt(`0x${text}`)).toString();
}
