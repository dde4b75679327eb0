import { generateKeyPairSync, type KeyObject, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverTime } from '../../../agent/clock-offset.ts';
import { type BytesClient, type SignedClient, signedClient } from '../../../agent/uplink/signed-client.ts';
import { createApp } from '../../../bin/server/app.ts';
import { type ControlPlane, startControlPlane } from '../../../bin/server/control-plane.ts';
import { closeServer, listen, portOf } from '../../../bin/server/listen.ts';
import { serverMetrics } from '../../../bin/server/metrics.ts';
import { rawPublicKey } from '../../../core/node/http-signature.ts';
import type { JoinResponse } from '../../../core/node/join.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { storeProblem } from '../../../bin/server/store-problem.ts';
import { hostConnections } from '../../../bin/server/upgrades.ts';
import { type Network, network } from '../../support/network.ts';

/** The embedded control plane in this process, with all its faces over real HTTP; it can be stopped and started again on its data. */
export interface KvWorld {
  /** Where it listens now. */
  port(): number;
  readonly dataDir: string;
  readonly controlPlane: ControlPlane;
  /** How far the control plane's clock is ahead of the machine's. */
  readonly clock: { aheadMs: number };
  /** A person of a new organisation, with a cluster. */
  person(): Promise<Person>;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  close(): Promise<void>;
}

export interface Person {
  readonly token: string;
  readonly tenant: string;
  readonly cluster: string;
  /** JSON over HTTP. */
  ask(method: string, path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown> }>;
  /** A new host of the cluster, that reaches the control plane over a network of its own. */
  host(name: string, options?: TestHostOptions): Promise<TestHost>;
}

export interface TestHostOptions {
  /** How far its clock is ahead, ms. */
  readonly clockOffMs?: number;
}

export interface TestHost {
  readonly identity: JoinResponse;
  readonly client: SignedClient & BytesClient;
  readonly network: Network;
  readonly keyId: string;
  readonly privateKey: KeyObject;
  close(): Promise<void>;
}

export async function kvWorld(): Promise<KvWorld> {
  const dataDir = await mkdtemp(join(tmpdir(), 'trn-kv-'));
  const hosts: TestHost[] = [];
  const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs };
  let port = 0;
  let running: ReturnType<typeof start> | undefined;
  let controlPlane: ControlPlane | undefined;

  async function start() {
    const url = () => `http://127.0.0.1:${port}`;
    const controlPlane = await startControlPlane({
      dataDir,
      log: silentLogger,
      publicUrl: url,
      print: () => {},
      limits: { clock },
    });
    const shutdown = new AbortController();
    const app = createApp({
      controlPlane,
      metrics: serverMetrics(() => 0),
      log: silentLogger,
      install: { artifactsDir: dataDir, serverUrl: 'http://unused', publicKeyPem: '', sign: () => new Uint8Array(64) },
      info: () => ({ version: 'test', url: url(), ca: '', manifestKey: '' }),
      problem: () => storeProblem(controlPlane),
      loginProviders: [],
      console: undefined,
      shutdown: shutdown.signal,
      newUid: randomUUID,
    });
    const http: Server = await listen(app.fetch, { host: '127.0.0.1', port });
    port = portOf(http);
    const push = hostConnections(controlPlane, silentLogger, shutdown.signal);
    push.attach(http);
    return {
      controlPlane,
      async stop() {
        shutdown.abort();
        push.close();
        http.closeAllConnections();
        await closeServer(http, 0);
        await controlPlane.stop();
      },
    };
  }

  running = start();
  ({ controlPlane } = await running);
  const world: KvWorld = {
    port: () => port,
    dataDir,
    clock,
    get controlPlane() {
      if (!controlPlane) throw new Error('the server is stopped');
      return controlPlane;
    },
    async person() {
      const email = `p${randomUUID().slice(0, 8)}@example.com`;
      const signedUp = await ask(port, 'POST', '/v1/signup', undefined, {
        email,
        password: 'correct horse battery',
        organisation: `Org ${randomUUID().slice(0, 8)}`,
      });
      const token = String(signedUp.json.token);
      const tenant = (signedUp.json.organisation as { id: string }).id;
      const made = await ask(port, 'POST', '/v1/clusters', token, { name: 'prod' });
      const cluster = String(made.json.id);
      return {
        token,
        tenant,
        cluster,
        ask: (method, path, body) => ask(port, method, path, token, body),
        async host(name, options) {
          const join = await ask(port, 'POST', '/v1/tokens', token, { kind: 'join', cluster });
          const host = await joinHost(String(join.json.secret), name, () => port, options);
          hosts.push(host);
          return host;
        },
      };
    },
    async stopServer() {
      const stopping = running;
      running = undefined;
      controlPlane = undefined;
      await (await stopping)?.stop();
    },
    async startServer() {
      running ??= start();
      ({ controlPlane } = await running);
    },
    async close() {
      for (const host of hosts) await host.close();
      await world.stopServer();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
  return world;
}

async function joinHost(
  token: string,
  name: string,
  port: () => number,
  { clockOffMs = 0 }: TestHostOptions = {},
): Promise<TestHost> {
  const way = await network(port);
  const { privateKey } = generateKeyPairSync('ed25519');
  const keyId = rawPublicKey(privateKey);
  const client = signedClient({
    server: new URL(`http://127.0.0.1:${way.port}`),
    ca: undefined,
    keyId,
    privateKey,
    time: serverTime({ now: () => Date.now() + clockOffMs }),
    log: silentLogger,
  });
  const body = JSON.stringify({ token, publicKey: keyId, name });
  const answer = await client.send({ method: 'POST', path: '/node/v1/join', body });
  if (answer.status !== 200) throw new Error(`join: ${answer.status} ${answer.body}`);
  return {
    identity: JSON.parse(answer.body) as JoinResponse,
    client,
    network: way,
    keyId,
    privateKey,
    async close() {
      client.close();
      await way.stop();
    },
  };
}

async function ask(port: number, method: string, path: string, token?: string, body?: unknown) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, json: (text === '' ? {} : JSON.parse(text)) as Record<string, unknown> };
}
