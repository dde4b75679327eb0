import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { isLoopback } from '../../core/network/loopback.ts';

/** What resolv.conf(5) says: who is asked, and what short names are tried with. */
export interface ResolvConf {
  readonly servers: readonly string[];
  readonly search: readonly string[];
}

const STUB = '/run/systemd/resolve/resolv.conf';

function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let search: string[] = [];
  for (const line of text.split('\n')) {
    const [word, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (word === 'nameserver' && values[0] && isIP(values[0].split('%', 1)[0]!) !== 0) servers.push(values[0]);
    // The last one counts.
    if (word === 'search') search = values;
    if (word === 'domain') search = values.slice(0, 1);
  }
  return { servers: [...new Set(servers)], search: search.map((domain) => domain.replace(/\.$/, '')).filter(Boolean) };
}

/**
 * The host's name servers. Where systemd-resolved sits between on loopback, those that it asks: they can be reached from elsewhere too,
 * and don't come back to us. Never rejects.
 */
export async function readResolvConf(path = '/etc/resolv.conf', stub = STUB): Promise<ResolvConf> {
  const read = async (file: string) => parseResolvConf(await readFile(file, 'utf8').catch(() => ''));
  const conf = await read(path);
  if (!conf.servers.every(isLoopback)) return conf;
  const behind = await read(stub);
  return behind.servers.length > 0
    ? { servers: behind.servers, search: conf.search.length > 0 ? conf.search : behind.search }
    : conf;
}
