import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import os from 'node:os';

/**
 * The address by which this host is known in its cluster: that of the way to the control plane, as the kernel would choose it
 * (a UDP socket is connected, which sends nothing). With the control plane on this very machine: the first address that isn't
 * loopback or a container bridge. undefined while there is no way: a host whose cable is out is not to be known by another one of its links.
 */
export async function hostAddress(server: URL): Promise<string | undefined> {
  const towards = await addressTowards(server).catch(() => undefined);
  return towards?.startsWith('127.') || towards === '::1' ? firstAddress() : towards;
}

async function addressTowards(server: URL): Promise<string> {
  const { address, family } = await lookup(server.hostname.replace(/^\[|\]$/g, ''));
  const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
  try {
    return await new Promise<string>((resolve, reject) => {
      socket.once('error', reject);
      socket.connect(Number(server.port) || 443, address, () => resolve(socket.address().address));
    });
  } finally {
    socket.close();
  }
}

/** The first that isn't loopback or a container bridge; 127.0.0.1 if there is no other. */
export function firstAddress(): string {
  for (const [name, addresses = []] of Object.entries(os.networkInterfaces())) {
    if (/^(docker|br-|veth|cni|flannel|trn-|terrane-)/.test(name)) continue;
    const found = addresses.find(({ internal, family }) => !internal && family === 'IPv4');
    if (found) return found.address;
  }
  return '127.0.0.1';
}
