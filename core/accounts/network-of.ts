/**
 * Whose address is it, for rate limits? An IPv4 address is one subscriber's; of IPv6 a subscriber has at least a /64 (RFC 6177, RFC
 * 7934), with an address for every attempt. Answers the address, or the four groups of the /64.
 */
export function networkOf(ip: string | undefined): string {
  const [address = ''] = (ip ?? '').toLowerCase().split('%');
  const [, v4] = /^(?:::ffff:)?(\d{1,3}(?:\.\d{1,3}){3})$/.exec(address) ?? [];
  if (v4 !== undefined) return v4;
  if (!address.includes(':')) return address;
  const [head = '', tail] = address.split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - front.length - back.length);
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back].slice(0, 4);
  return `${groups.map((group) => group.replace(/^0+(?=.)/, '')).join(':')}::/64`;
}
