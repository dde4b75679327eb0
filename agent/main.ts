import { chmod, mkdir, rm } from 'node:fs/promises';
import os from 'node:os';
import { resolve } from 'node:path';
import { nodeNameFrom } from '../core/accounts/node-name.ts';
import { isLoopback } from '../core/network/loopback.ts';
import { agentLogger } from './agent-log.ts';
import { serverTime } from './clock-offset.ts';
import { messageOf } from './docker/errors.ts';
import { checkDataFormat } from './files/data-format.ts';
import { lockDirectory } from './files/directory-lock.ts';
import { runHost } from './host.ts';
import { type HostKey, hostKey } from './identity/host-key.ts';
import { type Identity, readIdentity, writeIdentity } from './identity/identity.ts';
import { join } from './identity/join.ts';
import {
  AgentError,
  type AgentIo,
  type AgentOptions,
  flannelEndpoint,
  readCa,
  readToken,
  serverUrl,
  listenAddresses,
} from './options.ts';
import { Refusal } from './uplink/refusal.ts';
import { signedClient, type SignedClient } from './uplink/signed-client.ts';
import { layoutOf } from './volumes/layout.ts';

export { AgentError, type AgentIo, type AgentOptions } from './options.ts';

export interface AgentControl {
  /** Stops the agent (its containers run on). Without it, SIGINT and SIGTERM do. */
  readonly signal?: AbortSignal;
  /** [0, 1), for jitter. */
  readonly random?: () => number;
}

/**
 * Runs the agent on this host in the foreground: joins the cluster if it hasn't, then makes the host match its assignment
 * until it is told to stop. Throws AgentError when it can't start: bad options, or the control plane refuses the host.
 */
export async function runAgent(options: AgentOptions, io: AgentIo, control: AgentControl = {}): Promise<void> {
  const stop = control.signal ? undefined : stopSignals();
  const restarting = new AbortController();
  const restart = () => restarting.abort();
  const signal = AbortSignal.any([control.signal ?? stop!.signal, restarting.signal]);
  const random = control.random ?? Math.random;
  const log = agentLogger(
    // A log that nobody can read any more is no reason to stop.
    (line) => void io.err.write(line).catch(() => undefined),
    () => io.now(),
    options.json,
  );
  const version = process.env.TERRANE_VERSION ?? 'dev';
  const server = serverUrl(options.server);
  const etcdListen = listenAddresses(options.etcdListen ?? []);
  flannelEndpoint(options.flannelEtcd);
  const layout = layoutOf(resolve(options.data));
  await makeDataDirectory(layout.data);
  const unlock = lock(layout.data);
  try {
    await checkDataFormat(layout.data, log);
    if (server.protocol === 'http:' && !isLoopback(server.hostname)) {
      log.warn('the way to the control plane is not encrypted: configuration and secrets can be read on it. Use https://', {
        server: server.origin,
      });
    }
    const key = await orFail(() => hostKey(layout.key), 'Restore the file, or start with a new data directory and join again');
    const time = serverTime({ now: () => io.now() });
    const client = signedClient({
      server,
      ca: await readCa(options),
      keyId: key.publicKey,
      privateKey: key.privateKey,
      time,
      log,
    });
    const known = await orFail(
      () => readIdentity(layout.identity),
      'Restore the file, or start with a new data directory and join again',
    );
    const identity =
      known ?? (await joinCluster({ ...options, data: layout.data }, io, { client, key, log, random, signal }, layout.identity));
    if (known && options.name && nodeNameFrom(options.name) !== known.nodeName) {
      log.warn(`this host has joined as ${known.nodeName}; the name ${options.name} is not used`);
    }
    log.info('agent started', {
      version,
      node: identity.nodeName,
      cluster: identity.cluster,
      server: server.origin,
      data: layout.data,
    });
    await runHost({
      options,
      etcdListen,
      identity,
      layout,
      client,
      time,
      log,
      version,
      now: () => io.now(),
      random,
      signal,
      restart,
    });
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    stop?.dispose();
    unlock();
  }
}

interface Joining {
  readonly client: SignedClient;
  readonly key: HostKey;
  readonly log: ReturnType<typeof agentLogger>;
  readonly random: () => number;
  readonly signal: AbortSignal;
}

async function joinCluster(options: AgentOptions, io: AgentIo, { key, ...rest }: Joining, path: string): Promise<Identity> {
  const token = await readToken(options, io);
  const name = nodeNameFrom(options.name ?? os.hostname());
  try {
    const response = await join({ ...rest, request: { token, publicKey: key.publicKey, name } });
    rest.log.info('joined', { node: response.nodeName, cluster: response.cluster });
    const identity = await writeIdentity(path, response);
    // A token in the agent's own directory was put there for this one purpose.
    if (options.tokenFile && resolve(options.tokenFile).startsWith(`${options.data}/`))
      await rm(options.tokenFile, { force: true });
    return identity;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new AgentError(
      `the control plane refused this host: ${error.message}`,
      error.fix || 'Ask who operates the control plane',
      error.code,
      true,
    );
  }
}

async function makeDataDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await chmod(path, 0o700);
  } catch (error) {
    throw new AgentError(
      `the data directory can't be used: ${messageOf(error)}`,
      'Run the agent as root, or give it a directory of its own with --data DIR',
    );
  }
}

function lock(path: string): () => void {
  try {
    return lockDirectory(path);
  } catch (error) {
    throw new AgentError(
      messageOf(error),
      'Stop the other agent, or give this one a directory of its own with --data DIR',
      'data_in_use',
    );
  }
}

async function orFail<T>(read: () => Promise<T>, fix: string): Promise<T> {
  try {
    return await read();
  } catch (error) {
    throw new AgentError(messageOf(error), fix);
  }
}

/** The first signal stops in good order, a second one at once. */
function stopSignals(): { signal: AbortSignal; dispose(): void } {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) process.exit(130);
    controller.abort();
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
  return {
    signal: controller.signal,
    dispose() {
      process.off('SIGINT', stop);
      process.off('SIGTERM', stop);
    },
  };
}
