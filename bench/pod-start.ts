import { execFileSync, spawn } from 'node:child_process';
import { Agent, request } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { DockerConnection } from '../agent/docker/connection.ts';
import { dockerEngine, type Engine } from '../agent/docker/engine.ts';
import { type Installation, startInstallation } from '../test/e2e/support/installation.ts';
import { type Dockerd, startDockerd } from '../test/support/dockerd.ts';
import { BUSYBOX, importBusybox } from '../test/support/images.ts';

/**
 * From the request that creates pods until their containers run, through the whole product (API, log, reconcile, scheduler,
 * push, agent, engine), over what `docker run -d` takes on the same engine: one, and twenty at once. Rounds of both alternate,
 * and medians are compared, so that what else the machine does falls on both.
 */

const ROUNDS_OF_ONE = 9;
const ROUNDS_OF_TWENTY = 5;
const COMMAND = ['sleep', '100000'];

export async function run(): Promise<Record<string, number>> {
  execFileSync(process.execPath, ['--import', 'tsx', 'bin/build.ts', '--no-runtime'], { stdio: ['ignore', 'ignore', 'inherit'] });
  const [dockerd, installation] = await Promise.all([startDockerd(), startInstallation()]);
  const engine = dockerEngine(new DockerConnection(dockerd.socket));
  try {
    await importBusybox(dockerd.socket);
    await installation.startAgent({ name: 'bench', socket: dockerd.socket });
    const api = await kubeApi(installation);
    await nodeReady(api);
    const world: World = { installation, dockerd, engine, api, pods: 0 };
    const one = await compare(world, 1, ROUNDS_OF_ONE);
    const twenty = await compare(world, 20, ROUNDS_OF_TWENTY);
    const command = await applyCommand(world);
    console.log(`one with \`terrane apply -f\` and its start-up: ${ms(command)}`);
    return {
      one_pod_ratio: ratio(one),
      twenty_pods_ratio: ratio(twenty),
      one_pod_ms: Math.round(one.ours),
      one_docker_run_ms: Math.round(one.docker),
      twenty_pods_ms: Math.round(twenty.ours),
      twenty_docker_run_ms: Math.round(twenty.docker),
      one_pod_cli_ms: Math.round(command),
    };
  } finally {
    engine.close();
    await installation.stop();
    await dockerd.stop();
  }
}

interface World {
  readonly installation: Installation;
  readonly dockerd: Dockerd;
  readonly engine: Engine;
  readonly api: KubeApi;
  pods: number;
}

interface Comparison {
  readonly ours: number;
  readonly docker: number;
}

async function compare(world: World, count: number, rounds: number): Promise<Comparison> {
  const ours: number[] = [];
  const docker: number[] = [];
  // One round of each beforehand, uncounted: caches fill.
  for (let round = 0; round <= rounds; round++) {
    const ran = await dockerRun(world.dockerd.socket, count);
    await clean(world);
    const applied = await applyPods(world, count);
    await clean(world);
    if (round === 0) continue;
    docker.push(ran);
    ours.push(applied);
  }
  const result = { ours: median(ours), docker: median(docker) };
  const list = (values: number[]) => values.map((value) => Math.round(value)).join(' ');
  console.log(
    `${count}: pods ${ms(result.ours)} (${list(ours)}), docker run -d ${ms(result.docker)} (${list(docker)}), ratio ${ratio(result)}`,
  );
  return result;
}

/** `count` commands at the same time, until the last has returned. */
async function dockerRun(socket: string, count: number): Promise<number> {
  const since = performance.now();
  const runs = Array.from({ length: count }, (_, i) => {
    const args = ['-H', `unix://${socket}`, 'run', '-d', '--label', 'bench=1', '--name', `bench-${i}`, BUSYBOX, ...COMMAND];
    const child = spawn('docker', args, { stdio: 'ignore' });
    return new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`docker run: exit code ${code}`))));
    });
  });
  await Promise.all(runs);
  return performance.now() - since;
}

/** `count` pods created with one request each, at the same time, until the engine says that the last container has started. */
async function applyPods(world: World, count: number): Promise<number> {
  const started = startEvents(world, count);
  await started.listening;
  const since = performance.now();
  await Promise.all(
    Array.from({ length: count }, () => world.api('POST', '/api/v1/namespaces/default/pods', podManifest(world))),
  );
  await started.all;
  return performance.now() - since;
}

async function applyCommand(world: World): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const started = startEvents(world, 1);
    await started.listening;
    const since = performance.now();
    const applied = world.installation.terrane(['apply', '-f', '-'], { stdin: JSON.stringify(podManifest(world)) });
    await started.all;
    times.push(performance.now() - since);
    await applied;
    await clean(world);
  }
  return median(times);
}

function podManifest(world: World): object {
  const spec = {
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'main', image: BUSYBOX, imagePullPolicy: 'IfNotPresent', command: COMMAND }],
  };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name: `bench-${++world.pods}` }, spec };
}

/** The engine's own word that containers of pods run. */
function startEvents({ engine }: World, count: number): { listening: Promise<unknown>; all: Promise<void> } {
  const over = new AbortController();
  const events = engine.events('terrane.dev/pod-uid', undefined, over.signal);
  const first = events.next();
  const all = (async () => {
    let left = count;
    for (let next = await first; !next.done; next = await events.next()) {
      if (next.value.Action === 'start' && --left === 0) break;
    }
    over.abort();
  })();
  // The engine has no answer to say that it listens but the first event; it does within a few milliseconds.
  return { listening: delay(100), all };
}

async function clean(world: World): Promise<void> {
  const { items } = await world.api<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/namespaces/default/pods');
  await Promise.all(
    items.map(({ metadata }) => world.api('DELETE', `/api/v1/namespaces/default/pods/${metadata.name}?gracePeriodSeconds=0`)),
  );
  const left = async () => [
    ...(await world.engine.listContainers('bench')),
    ...(await world.engine.listContainers('terrane.dev/pod-uid')),
  ];
  for (const { Id } of await world.engine.listContainers('bench')) await world.engine.removeContainer(Id, true);
  while ((await left()).length > 0) await delay(50);
  await delay(500);
}

async function nodeReady(api: KubeApi): Promise<void> {
  for (;;) {
    const { items } = await api<{ items: { status?: { conditions?: { type: string; status: string }[] } }[] }>(
      'GET',
      '/api/v1/nodes',
    );
    if (items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True')) return;
    await delay(100);
  }
}

type KubeApi = <T>(method: string, path: string, body?: object) => Promise<T>;

interface Kubeconfig {
  readonly clusters: readonly { cluster: { server: string; 'certificate-authority-data'?: string } }[];
  readonly users: readonly { user: { token: string } }[];
}

/** The cluster's API over one kept-alive connection pool, as kubectl and operators use it. */
async function kubeApi(installation: Installation): Promise<KubeApi> {
  const { clusters, users } = await installation.terraneJson<Kubeconfig>(['kubeconfig']);
  const { server, 'certificate-authority-data': ca = '' } = clusters[0]!.cluster;
  const agent = new Agent({ keepAlive: true, ca: Buffer.from(ca, 'base64') });
  const headers = { authorization: `Bearer ${users[0]!.user.token}`, 'content-type': 'application/json' };
  return <T>(method: string, path: string, body?: object) =>
    new Promise<T>((resolve, reject) => {
      const sent = request(`${server}${path}`, { method, agent, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => {
          if ((response.statusCode ?? 0) < 300) resolve(JSON.parse(text) as T);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.slice(0, 500)}`));
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined ? undefined : JSON.stringify(body));
    });
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)]! + sorted[Math.ceil((sorted.length - 1) / 2)]!) / 2;
}

function ratio({ ours, docker }: Comparison): number {
  return Math.round((ours / docker) * 100) / 100;
}

function ms(value: number): string {
  return `${Math.round(value)} ms`;
}
