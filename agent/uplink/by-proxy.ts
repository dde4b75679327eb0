import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https';
import { BlockList, isIP } from 'node:net';

/**
 * Connections for requests to `url` that go by the proxy which HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, in capitals or not, as curl's do. Node
 * knows them since 24.5, which hosts' own runtime is; an older one goes straight.
 */
export function byProxy(url: URL, options: AgentOptions & Pick<HttpsAgentOptions, 'ca'> = {}): HttpAgent | HttpsAgent {
  const all = { ...options, proxyEnv: proxiesFor(url) };
  return url.protocol === 'https:' ? new HttpsAgent(all) : new HttpAgent(all);
}

/** The variables as Node takes them: curl, by which install.sh has come, knows proxies without `http://` before them, and networks in NO_PROXY (since 7.86). */
export function proxiesFor({ hostname }: URL, environment: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const except = environment.no_proxy || environment.NO_PROXY || '';
  if (except.split(/[\s,]+/).some((entry) => isWithin(hostname.replace(/^\[|\]$/g, ''), entry))) return {};
  return Object.fromEntries(
    Object.entries(environment)
      .filter(([name]) => /^(https?|no)_proxy$/i.test(name))
      .map(([name, value = '']) => [
        name,
        /^no/i.test(name) || value === '' || value.includes('://') ? value : `http://${value}`,
      ]),
  );
}

/** `10.0.0.0/8`, `fd00::/8`. */
function isWithin(address: string, network: string): boolean {
  const [, base = '', bits = ''] = /^(.+)\/(\d{1,3})$/.exec(network) ?? [];
  const version = isIP(base);
  if (version === 0 || version !== isIP(address) || Number(bits) > (version === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const family = version === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(base, Number(bits), family);
  return list.check(address, family);
}
