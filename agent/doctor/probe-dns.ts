import type { DnsProbe } from '../../core/network/doctor/facts.ts';
import type { DnsFacts } from '../dns/start-dns.ts';
import { asks } from './ask.ts';

const TIMEOUT_MS = 2_000;

/** Asks the agent's own name server, and each of those that it asks in turn. */
export async function probeDns({
  dns,
  domain,
  signal,
}: {
  readonly dns: DnsFacts;
  readonly domain: string | undefined;
  readonly signal: AbortSignal;
}): Promise<DnsProbe> {
  const { listening, problem, upstreams } = dns;
  const [address = '', port = '53'] = (listening ?? '').split(':');
  const own =
    listening !== undefined &&
    asks({ server: address, port: Number(port), name: `dns-version.${domain}`, type: 'TXT', timeoutMs: TIMEOUT_MS, signal });
  const [answered, ...others] = await Promise.all([
    own,
    ...upstreams.map(async (server) => ({
      server,
      answered: await asks({ server, name: '.', type: 'NS', timeoutMs: TIMEOUT_MS, signal }),
    })),
  ]);
  return { listening, problem, answered, upstreams: others };
}
