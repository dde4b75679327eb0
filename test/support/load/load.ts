import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Node } from '../../../core/resources/schema/node.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import { eventually } from '../eventually.ts';
import { ask } from '../lambda/visitors.ts';
import { webDeployment } from '../web-deployment.ts';
import { SimulatedAgent } from './simulated-agent.ts';
import { Timings } from './timings.ts';

export interface LoadFigures {
  readonly agents: number;
  /** Wall-clock seconds of the phases. */
  readonly joinSeconds: number;
  readonly readySeconds: number;
  /** From the request that creates the pods until the last one has a host, and until all are reported as running. */
  readonly boundSeconds: number;
  readonly rolloutSeconds: number;
  /** From the request that changes every host's assignment until each host has it. */
  readonly changeSeconds: number;
  readonly timings: Timings;
  readonly errors: readonly string[];
  /** Hosts whose last assignment or report isn't what the cluster says. */
  readonly lost: readonly string[];
  readonly serverRssMb: number;
  readonly eventLoopP99Ms: number;
}

const JOINS_AT_ONCE = 32;
const STARTS_PER_TICK = 20;

/** `count` agents against a server of their own: they join, connect, get work (`pods`, one for each if not said), report it, and get other work. */
export async function load(
  count: number,
  say: (text: string) => void = () => undefined,
  timeoutMs = 300_000,
  pods = count,
): Promise<LoadFigures> {
  const data = mkdtempSync(join(tmpdir(), 'terrane-load-'));
  const server = spawn(process.execPath, ['--import', 'tsx', join(import.meta.dirname, 'server.ts'), data], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log: string[] = [];
  createInterface({ input: server.stderr! }).on('line', (line) => {
    if (/"level":"(warn|error)"/.test(line)) log.push(line);
  });
  const agents: SimulatedAgent[] = [];
  try {
    return await run(await urlOf(server, log), { count, pods }, agents, log, say, timeoutMs);
  } finally {
    for (const agent of agents) agent.stop();
    await ended(server);
    rmSync(data, { recursive: true, force: true });
  }
}

async function run(
  url: string,
  { count, pods }: { readonly count: number; readonly pods: number },
  agents: SimulatedAgent[],
  log: readonly string[],
  say: (text: string) => void,
  timeoutMs: number,
): Promise<LoadFigures> {
  const timings = new Timings();
  const errors: string[] = [];
  const limits = { timeoutMs, everyMs: 250 };
  const account = { email: 'load@example.com', password: 'correct horse battery', organisation: 'Load' };
  const token = (await ask(`${url}/v1/signup`, 'POST', undefined, account)).json.token as string;
  const cluster = (await ask(`${url}/v1/clusters`, 'POST', token, { name: 'load' })).json.id as string;
  const tokens: string[] = [];
  for (let left = count; left > 0; left -= USES_MAX) {
    const { json } = await ask(`${url}/v1/tokens`, 'POST', token, { kind: 'join', cluster, uses: Math.min(left, USES_MAX) });
    tokens.push(json.secret as string);
  }
  const kube = `${url}/clusters/${cluster}`;
  const items = async <T>(path: string): Promise<T[]> => {
    const since = performance.now();
    const { status, json } = await ask(`${kube}${path}`, 'GET', token);
    if (status !== 200) throw new Error(`GET ${path}: ${status}`);
    timings.add('list', performance.now() - since);
    return json.items as T[];
  };

  for (let index = 0; index < count; index++)
    agents.push(new SimulatedAgent(`host-${String(index).padStart(5, '0')}`, new URL(url), timings, errors));
  const joined = since();
  await inTurns(agents, JOINS_AT_ONCE, (agent, index) => agent.join(tokens[Math.floor(index / USES_MAX)]!));
  const joinSeconds = joined();
  say(`${count} joined in ${joinSeconds} s`);

  const readied = since();
  for (let start = 0; start < count; start += STARTS_PER_TICK) {
    for (const agent of agents.slice(start, start + STARTS_PER_TICK)) agent.start();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await eventually(
    'all are Ready and connected',
    async () => {
      const nodes = await items<Node>('/api/v1/nodes');
      const ready = nodes.filter(({ status }) =>
        status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
      );
      const connected = agents.filter(({ pushConnected }) => pushConnected);
      if (ready.length < count || connected.length < count)
        throw new Error(`${ready.length} Ready, ${connected.length} connected`);
    },
    limits,
  );
  const readySeconds = readied();
  say(`all Ready and connected after ${readySeconds} s`);

  await must(ask(`${kube}/api/v1/namespaces/default/configmaps`, 'POST', token, sharedConfig('one')));
  const path = `${kube}/apis/apps/v1/namespaces/default/deployments`;
  const rolled = since();
  const created = performance.now();
  await must(ask(path, 'POST', token, webDeployment(pods, { container })));
  let boundSeconds = 0;
  await eventually(
    'all pods run',
    async () => {
      const { status = {} } = (await ask(`${path}/web`, 'GET', token)).json;
      if (boundSeconds === 0 && status.replicas === pods) {
        const unbound = await ask(`${kube}/api/v1/pods?limit=1&fieldSelector=spec.nodeName%3D`, 'GET', token);
        if (unbound.json.items?.length === 0) boundSeconds = rolled();
      }
      if (status.availableReplicas !== pods) throw new Error(`${status.availableReplicas ?? 0} of ${pods} are available`);
    },
    limits,
  );
  const rolloutSeconds = rolled();
  for (const { assignedAt } of agents) timings.add('apply to assignment', assignedAt - created);
  say(`${pods} pods had hosts after ${boundSeconds} s, and were reported running after ${rolloutSeconds} s`);

  const changed = since();
  const edited = performance.now();
  await must(ask(`${kube}/api/v1/namespaces/default/configmaps/shared`, 'PUT', token, sharedConfig('two')));
  await eventually(
    'all hosts have the change',
    () => {
      const waiting = agents.filter(({ assignment }) => assignment?.configMaps[0]?.data?.['value'] !== 'two');
      if (waiting.length > 0) throw new Error(`${waiting.length} hosts haven't`);
    },
    { ...limits, everyMs: 20 },
  );
  const changeSeconds = changed();
  for (const { assignedAt } of agents) timings.add('hint to assignment', assignedAt - edited);
  say(`a change of every host's assignment reached all in ${changeSeconds} s`);

  const lost = await verify(agents, () => items<Pod>('/api/v1/pods'), limits);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const gauge = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(metrics)?.[1] ?? 0);
  return {
    agents: count,
    joinSeconds,
    readySeconds,
    boundSeconds,
    rolloutSeconds,
    changeSeconds,
    timings,
    errors: [...errors, ...log],
    lost,
    serverRssMb: Math.round(gauge('process_resident_memory_bytes') / 1024 / 1024),
    eventLoopP99Ms: Math.round(gauge('nodejs_eventloop_lag_p99_seconds') * 1000),
  };

  async function must(answer: ReturnType<typeof ask>): Promise<void> {
    const { status, json } = await answer;
    if (status >= 300) throw new Error(`${status}: ${JSON.stringify(json).slice(0, 500)}`);
  }
}

/** What each host was assigned last against what the cluster says, and what the cluster knows of it against what it reported. */
async function verify(
  agents: readonly SimulatedAgent[],
  pods: () => Promise<Pod[]>,
  limits: { timeoutMs: number },
): Promise<string[]> {
  const wrong = async (): Promise<string[]> => {
    const byNode = new Map<string, Pod[]>();
    for (const pod of await pods()) {
      const node = pod.spec.nodeName ?? 'nowhere';
      byNode.set(node, [...(byNode.get(node) ?? []), pod]);
    }
    const names = (list: readonly Pod[]) =>
      list
        .map(({ metadata }) => metadata.uid)
        .sort((a, b) => (a < b ? -1 : 1))
        .join();
    const found = agents.flatMap(({ name, assignment }) => {
      const own = byNode.get(name) ?? [];
      if (names(own) !== names(assignment?.pods ?? [])) return [`${name}: its assignment isn't the cluster's`];
      return own.every(({ status }) => status?.phase === 'Running') ? [] : [`${name}: its report didn't arrive`];
    });
    return byNode.has('nowhere') ? [...found, `${byNode.get('nowhere')!.length} pods have no host`] : found;
  };
  try {
    await eventually(
      'every host and the cluster agree',
      async () => {
        const found = await wrong();
        if (found.length > 0) throw new Error(found[0]);
      },
      { timeoutMs: Math.min(limits.timeoutMs, 60_000) },
    );
    return [];
  } catch {
    return wrong();
  }
}

/** As many as one join token may have. */
const USES_MAX = 1_000;

const sharedConfig = (value: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'shared', namespace: 'default' },
  data: { value },
});

/** Its containers read the shared ConfigMap. */
const container = { envFrom: [{ configMapRef: { name: 'shared', optional: true } }] };

function since(): () => number {
  const start = performance.now();
  return () => Math.round((performance.now() - start) / 100) / 10;
}

async function inTurns<T>(all: readonly T[], atOnce: number, act: (one: T, index: number) => Promise<void>): Promise<void> {
  const rest = all.entries();
  const worker = async () => {
    for (const [index, one] of rest) await act(one, index);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Its first line of output says where it listens. */
function urlOf(server: ChildProcess, log: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    createInterface({ input: server.stdout! }).once('line', (line) => resolve((JSON.parse(line) as { http: string }).http));
    server.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${log.join('\n')}`)));
  });
}

async function ended(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const exit = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), 15_000);
  await exit;
  clearTimeout(timer);
}
