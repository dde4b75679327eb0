import { Agent as HttpAgent, type AgentOptions } from 'node:http';
import { Agent as HttpsAgent, type AgentOptions as HttpsAgentOptions } from 'node:https';

/**
 * Connections for requests to `url` that go by the proxy which HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, in capitals or not, as curl's do. Node
 * knows them since 24.5, which hosts' own runtime is; an older one goes straight.
 */
export function byProxy(url: URL, options: AgentOptions & Pick<HttpsAgentOptions, 'ca'> = {}): HttpAgent | HttpsAgent {
  const all = { ...options, proxyEnv: process.env };
  return url.protocol === 'https:' ? new HttpsAgent(all) : new HttpAgent(all);
}
