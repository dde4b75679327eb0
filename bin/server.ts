import { createHash, randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Io } from '../cli/io.ts';
import { type LoginProvider, parseLoginProviders } from '../core/accounts/login-provider.ts';
import { type InstallDeps, installScript, keyFingerprint } from '../functions/node/install.ts';
import { serverCertificates } from '../store/certificates.ts';
import { manifestKey } from '../store/manifest-key.ts';
import { onNpmEnded } from './machine/npm-ended.ts';
import { createApp } from './server/app.ts';
import { artifactsDir, consoleDir } from './server/artifacts.ts';
import { readConsole } from './server/console.ts';
import { type ControlPlaneLimits, startControlPlane } from './server/control-plane.ts';
import { closeServer, type Fetch, listen, portOf } from './server/listen.ts';
import { jsonLogger } from './server/logger.ts';
import { serverMetrics } from './server/metrics.ts';
import { type ServerOptions, serverSettings } from './server/options.ts';
import { hostConnections } from './server/upgrades.ts';
import { storeProblem } from './server/store-problem.ts';

const VERSION = process.env.TERRANE_VERSION ?? 'dev';

/** How long requests in progress may take when the server is told to stop, ms. */
const GRACE_MS = 10_000;

/** `terrane server`: the whole control plane in this process. Resolves when it was told to stop and has stopped. */
export async function runServer(
  options: ServerOptions,
  io: Pick<Io, 'out' | 'err'>,
  limits: ControlPlaneLimits = {},
): Promise<void> {
  // Whoever runs a server learns nothing from it: the SDK's version is ours to choose.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const settings = serverSettings(options);
  const log = jsonLogger((line) => void io.err.write(line));
  const loginProviders = await loginProvidersOf(settings.loginProviders);
  const stop = stopSignal();
  let publicUrl = '';
  const controlPlane = await startControlPlane({
    dataDir: settings.dataDir,
    log,
    publicUrl: () => publicUrl,
    requireVerifiedEmail: settings.requireVerifiedEmail,
    print: (text) => void io.err.write(text),
    limits,
  });
  const servers: Server[] = [];
  const shutdown = new AbortController();
  const connections = hostConnections(controlPlane, log, shutdown.signal);
  try {
    const tls = await serverCertificates(join(settings.dataDir, 'tls'), settings.certificateNames, Date.now());
    const key = await manifestKey(join(settings.dataDir, 'manifest.key'));
    const metrics = serverMetrics(() => controlPlane.connections.size);
    // URLs hold the ports, which are known once both listen; until then whoever asks is told to come back.
    let answer: Fetch = () => new Response('starting\n', { status: 503, headers: { 'retry-after': '1' } });
    // Metrics name tenants' traffic: on loopback only.
    const http = await listen((request, env) => (isMetrics(request) ? scrape(metrics) : answer(request, env)), settings.http);
    servers.push(http);
    const https = await listen((request, env) => answer(request, env), settings.https, tls);
    servers.push(https);
    for (const server of servers) connections.attach(server);

    publicUrl = `https://${bracketed(settings.publicHost)}:${portOf(https)}`;
    const install = {
      artifactsDir: artifactsDir(),
      serverUrl: publicUrl,
      caPem: tls.caPem,
      publicKeyPem: key.publicKeyPem,
      sign: key.sign,
    };
    const info = { version: VERSION, url: publicUrl, ca: tls.caPem, manifestKey: keyFingerprint(key.publicKeyPem) };
    const problem = () => storeProblem(controlPlane);
    const app = createApp({
      controlPlane,
      metrics,
      log,
      install,
      console: await readConsole(consoleDir()),
      info: () => info,
      loginProviders,
      problem,
      shutdown: shutdown.signal,
      newUid: randomUUID,
    });
    answer = app.fetch;
    const ready = {
      http: `http://${bracketed(settings.http.host)}:${portOf(http)}`,
      https: publicUrl,
      ca: join(settings.dataDir, 'tls/ca.crt'),
    };
    await checkInstall(install, log);
    log.info('ready', { ...ready, dataDir: settings.dataDir, version: VERSION });
    await io.out.write(
      options.json ? `${JSON.stringify(ready)}\n` : `Terrane is ready: ${ready.http} and ${ready.https} (CA: ${ready.ca})\n`,
    );
    log.info('stopping', { because: await stop });
  } finally {
    shutdown.abort();
    connections.close();
    await Promise.all(servers.map((server) => closeServer(server, GRACE_MS)));
    await controlPlane.stop();
  }
  log.info('stopped');
}

/** Read at the start: a mistake in it is told at once, not to the first who logs in. */
async function loginProvidersOf(file: string | undefined): Promise<readonly LoginProvider[]> {
  return file === undefined ? [] : parseLoginProviders(await readFile(file, 'utf8'));
}

/** `npx terrane server &` is ended by ending npx: who does so has its number. The server of what npm ran otherwise may stay. */
function stopSignal(): Promise<NodeJS.Signals | 'npx ended'> {
  return new Promise((resolve) => {
    onNpmEnded(
      () => resolve('npx ended'),
      (name, text) => name === 'npx' && text.includes('terrane'),
    );
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(signal));
  });
}

/** Without the agent's artefacts everything works but joining: better said at the start than on the first host. */
async function checkInstall(install: InstallDeps, log: ReturnType<typeof jsonLogger>): Promise<void> {
  try {
    const script = await installScript(install);
    log.info('hosts can join', { installScriptSha256: createHash('sha256').update(script).digest('hex') });
  } catch (error) {
    log.warn('hosts can not be installed from here yet', { error });
  }
}

const isMetrics = (request: Request): boolean => new URL(request.url).pathname === '/metrics';

async function scrape(metrics: ReturnType<typeof serverMetrics>): Promise<Response> {
  return new Response(await metrics.registry.metrics(), { headers: { 'content-type': metrics.registry.contentType } });
}

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);
