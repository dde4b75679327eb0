/**
 * Does a host name or address mean this machine itself? Where it does, what is secret may go unencrypted. `host`: with or without the
 * brackets that IPv6 has in URLs. A name that only begins like such an address (127.example.com) is another machine's.
 */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(?:\.\d{1,3}){1,3}$/.test(host);
}

/** Of a URL without encryption, to this machine. */
export function isPlainLoopback({ protocol, hostname }: URL): boolean {
  return protocol === 'http:' && isLoopback(hostname);
}
