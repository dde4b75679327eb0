import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf } from './docker/errors.ts';
import { DEFAULT_LISTEN, type ListenAddress, parseListen } from './etcd/listen.ts';

export interface AgentOptions {
  /** URL of the control plane. */
  readonly server: string;
  /** File that holds the join token, `-` for standard input; not needed once the host has joined. */
  readonly tokenFile?: string;
  /** State of the agent. */
  readonly data: string;
  /** Docker's socket. */
  readonly docker: string;
  /** Of the node; the host name by default. */
  readonly name?: string;
  /** PEM file of the control plane's own certificate authority; `ca.pem` in the data directory if it is there. */
  readonly ca?: string;
  /** Loopback port of /healthz and /metrics; 0 picks a free one. */
  readonly healthPort: number;
  /** Where clients on this host reach etcd, as `127.0.0.1:2379`; none: it isn't served. */
  readonly etcdListen?: readonly string[];
  /** Only keys that begin with one of these are kept on the host; none: all. */
  readonly kvPrefix?: readonly string[];
  /** Memory that the copy of the key-value store may take, MB. */
  readonly kvCacheMb?: number;
  /** `none`: this host takes no part in the pods' network, whose pods are on Docker's own bridge. */
  readonly podNetwork?: 'auto' | 'none';
  /** etcd v3 of a flannel network that this host takes part in, too: http://HOST:PORT. */
  readonly flannelEtcd?: string;
  /** Of flannel's keys there. */
  readonly flannelPrefix?: string;
  /** Log lines as JSON. */
  readonly json: boolean;
}

/** What the agent touches besides the host, the engine and the control plane. The command line's io fits. */
export interface AgentIo {
  readonly err: { write(text: string): Promise<void> };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: { readAll(): Promise<string> };
  now(): number;
}

/** The options can't be used, or the control plane refuses this host for good. `fix` says what to do. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly fix: string;
  readonly code: string;
  /** By the control plane, which would say the same again: no service should start this agent once more. */
  readonly refused: boolean;

  constructor(message: string, fix: string, code = 'failed', refused = false) {
    super(message);
    this.fix = fix;
    this.code = code;
    this.refused = refused;
  }
}

/** Throws AgentError. */
export function listenAddresses(texts: readonly string[]): ListenAddress[] {
  return texts
    .filter((text) => text !== 'none')
    .map((text) => {
      const address = parseListen(text);
      if (address) return address;
      throw new AgentError(`--etcd-listen ${text} is no address`, `Give it as ${DEFAULT_LISTEN}, unix:/PATH, or none`, 'usage');
    });
}

export function serverUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new AgentError(
      `the control plane's address is not a URL: ${text}`,
      'Give it as https://host:port (--server or TERRANE_SERVER)',
    );
  }
  url.hash = '';
  url.search = '';
  return url;
}

/** Throws AgentError. */
export function flannelEndpoint(text: string | undefined): void {
  if (text === undefined || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return;
  throw new AgentError(`--flannel-etcd ${text} is no URL`, 'Give it as http://HOST:2379', 'usage');
}

/** The join token, from where the user put it. Throws AgentError. */
export async function readToken(options: AgentOptions, io: AgentIo): Promise<string> {
  const file = options.tokenFile ?? io.env.TERRANE_TOKEN_FILE;
  let text = io.env.TERRANE_TOKEN;
  if (file === '-') text = await io.input.readAll();
  else if (file !== undefined) {
    text = await readFile(file, 'utf8').catch((error: unknown) => {
      throw new AgentError(`the token file can't be read: ${messageOf(error)}`, NEW_TOKEN);
    });
  }
  const token = (text ?? '').trim();
  if (token === '') throw new AgentError('this host has not joined a cluster yet, and there is no join token', NEW_TOKEN);
  return token;
}

const NEW_TOKEN = 'Make one with `terrane token create --kind join` and pass it with --token-file FILE or TERRANE_TOKEN';

export async function readCa(options: AgentOptions): Promise<string | undefined> {
  const inData = join(options.data, 'ca.pem');
  const path = options.ca ?? ((await stat(inData).catch(() => undefined)) ? inData : undefined);
  if (path === undefined) return undefined;
  const pem = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new AgentError(`the certificate authority can't be read: ${messageOf(error)}`, 'Check the path given with --ca');
  });
  if (!pem.includes('-----BEGIN CERTIFICATE-----')) {
    throw new AgentError(
      `${path} holds no certificate`,
      "It must be the PEM file of the control plane's certificate authority (--ca)",
    );
  }
  return pem;
}
