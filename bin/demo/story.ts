import { spawnSync } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import type { Service } from '../../core/resources/schema/service.ts';
import { type Child, startChild, until } from '../machine/child.ts';
import { noteDockerTraces } from '../machine/docker-traces.ts';
import { type Engine, findOrStartEngine } from '../machine/engine.ts';
import { describeMissing, DOCKER, ensurePackages, IPROUTE, IPTABLES, NFTABLES } from '../machine/packages.ts';
import { processStart } from '../machine/process-start.ts';
import type { Janitor } from './janitor.ts';
import type { Narrator } from './narrator.ts';
import { type Terrane, TERRANE_PROGRAM, terraneCommand } from './terrane.ts';
import { DEMO_IMAGE, DEMO_PORT, demoManifest, makeWebImage } from './web-image.ts';

export interface Scene {
  /** Everything of this demo lies below it. */
  readonly dir: string;
  readonly say: Narrator;
  /** Told of everything that is made outside of `dir`, and takes it away in the end. */
  readonly janitor: Pick<Janitor, 'tell' | 'mayMake'>;
  readonly children: Child[];
}

const PAGE = 'Hello from a container that Terrane runs.\n';
const NO_ROUTE = Symbol('no route');
const EMAIL = 'you@example.com';
const PASSWORD = 'correct horse battery staple';

/** Signs up, joins this machine, runs a Deployment, and proves what it says at each step. `stays`: all of it is there afterwards. */
export async function tellStory(scene: Scene, stays: boolean): Promise<'told'> {
  const { say } = scene;
  const engine = await say.step('A Docker engine', () => findEngine(scene));
  await say.step('Build the command and the agent', async () => build(say));
  const server = await say.step('Start the control plane (embedded: the code that Lambda runs)', () => startServer(scene));
  const config = join(scene.dir, 'config.json');
  const terrane = narrated(say, terraneCommand({ TERRANE_CONFIG: config }));

  await say.step('Sign up, and confirm the e-mail address', () => signUp(scene, terrane, server));
  await say.step('Create a cluster', async () => void (await terrane(['cluster', 'create', 'demo'])));
  const agent = await say.step('Join this machine with the install script', () => join_(scene, terrane, engine));
  const running = [...scene.children];
  await say.step('The node is ready', () => nodeReady(say, terrane, running));
  await say.step('Run a Deployment of two replicas', () => deploy(scene, terrane, engine, running));
  await say.step('Each replica answers over HTTP', () => askEach(say, terrane));
  await say.step('The Service has one name and one address for both', () => askService(say, terrane, running));
  await say.step('Read the logs of one', () => readLogs(say, terrane));
  await say.step('Scale to three', async () => {
    await terrane(['scale', 'deployment', 'web', '--replicas', '3']);
    await replicasReady(terrane, 3, running);
  });
  await say.step('Kill a container: it comes back', () => killOne(say, terrane, engine, running));
  await say.step('Delete it all: its containers are gone', () => deleteAll(say, terrane, engine, running));
  say.detail(`\nIt works: sign-up, a host, a Deployment, a Service by name, logs, scaling, healing.`);
  if (stays) whatNext(say, config, server, agent);
  else say.detail('Without --once it stays up, and says what to try next. More: README.md, docs/cli.md');
  return 'told';
}

async function findEngine({ dir, say, janitor }: Scene): Promise<Engine> {
  const missing = ensurePackages([DOCKER, IPTABLES, IPROUTE, NFTABLES], (line) => say.detail(line));
  if (missing.length > 0) throw new Error(describeMissing(missing));
  const engine = await findOrStartEngine(join(dir, 'docker'), {
    say: (line) => say.detail(line),
    starting() {
      janitor.mayMake();
      janitor.tell({ type: 'docker-traces', before: noteDockerTraces() });
    },
    started: (pid) => tellProcess(janitor, pid),
  });
  // Another's: only what the demo puts there goes, after the host that uses it.
  if (!engine.pid) janitor.tell({ type: 'image', socket: engine.socket, name: DEMO_IMAGE });
  say.detail(`Docker Engine ${engine.version} at ${engine.socket}`);
  return engine;
}

function tellProcess(janitor: Pick<Janitor, 'tell'>, pid: number, group = false): void {
  const started = processStart(pid);
  if (started !== undefined) janitor.tell({ type: 'process', pid, started, group });
}

function build(say: Narrator): void {
  say.command('npm run build');
  const root = join(import.meta.dirname, '../..');
  const result = spawnSync(process.execPath, ['--import', 'tsx', 'bin/build.ts'], { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`the build failed:\n${result.stdout}${result.stderr}`);
}

interface Server {
  readonly http: string;
  readonly https: string;
  readonly ca: string;
}

async function startServer({ dir, say, children, janitor }: Scene): Promise<Server> {
  const args = ['server', '--data', join(dir, 'server'), '--listen', '127.0.0.1:0', '--tls-listen', '127.0.0.1:0', '--json'];
  say.command(`npx terrane ${args.join(' ')} &`);
  janitor.mayMake();
  const child = startChild(process.execPath, [TERRANE_PROGRAM, ...args], join(dir, 'log/server.log'));
  tellProcess(janitor, child.pid);
  children.push(child);
  const server = await until('the server says it is ready', [child], () => {
    const line = readFileSync(child.logFile, 'utf8')
      .split('\n')
      .find((text) => text.startsWith('{"http":'));
    return line === undefined ? undefined : (JSON.parse(line) as Server);
  });
  say.detail(`${server.http} and ${server.https}, data in ${join(dir, 'server')}`);
  return server;
}

async function signUp({ dir, children }: Scene, terrane: Terrane, server: Server): Promise<void> {
  await terrane(['signup', '--server', server.http, '--email', EMAIL, '--org', 'acme', '--password-stdin'], `${PASSWORD}\n`);
  const token = await until('the verification mail is in the maildir', children, () =>
    verificationToken(join(dir, 'server/mail')),
  );
  await terrane(['verify', token]);
  const { user } = JSON.parse(await terrane(['whoami', '--json'])) as { user: { email: string; verified: boolean } };
  if (!user.verified) throw new Error(`${user.email} is not verified`);
}

/** What a person would click: the token in the newest mail's link. */
function verificationToken(maildir: string): string | undefined {
  const mails = readdirSync(join(maildir, 'new')).sort();
  const newest = mails.at(-1);
  return newest && /\/verify#([\w.-]+)/.exec(readFileSync(join(maildir, 'new', newest), 'utf8'))?.[1];
}

async function join_({ dir, say, children, janitor }: Scene, terrane: Terrane, engine: Engine): Promise<Child> {
  const { command } = JSON.parse(await terrane(['token', 'create', '--kind', 'join', '--json'])) as { command: string };
  // The very line that `terrane token create` prints for a host; below a directory of the demo, and in the foreground.
  const line = `${command} --prefix ${join(dir, 'host')} --docker ${engine.socket} --name demo-host --foreground`;
  say.command(line.replace(/trn_join_\w+/, 'trn_join_…'));
  // After the agent has stopped, and while there is an engine: containers, devices, rules and the Docker network.
  const uninstall = join(dir, 'host/uninstall.sh');
  janitor.mayMake();
  janitor.tell({ type: 'host', uninstall });
  // The line's own temporary file goes with the rest, too, should it be cut short.
  const agent = startChild('sh', ['-c', line], join(dir, 'log/agent.log'), { shell: true, env: { TMPDIR: dir } });
  tellProcess(janitor, agent.pid, true);
  children.push(agent);
  return agent;
}

async function nodeReady(say: Narrator, terrane: Terrane, children: readonly Child[]): Promise<void> {
  await until('the node is Ready', children, async () => {
    const { items } = JSON.parse(await terrane(['get', 'nodes', '-o', 'json'])) as { items: Node[] };
    return items[0]?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') || undefined;
  });
  say.detail(await terrane(['node', 'list']));
}

async function deploy({ dir, say }: Scene, terrane: Terrane, engine: Engine, children: readonly Child[]): Promise<void> {
  say.detail("making its image on the spot from a static binary (esbuild's web server)");
  await makeWebImage(engine.socket, PAGE);
  const file = join(dir, 'web.yaml');
  writeFileSync(file, demoManifest(2));
  await terrane(['apply', '-f', file]);
  await replicasReady(terrane, 2, children);
  say.detail(await terrane(['get', 'pods', '-o', 'wide']));
}

async function replicasReady(terrane: Terrane, wanted: number, children: readonly Child[]): Promise<void> {
  const ready = async () => {
    const { status } = JSON.parse(await terrane(['get', 'deployment', 'web', '-o', 'json'])) as Deployment;
    return (status?.readyReplicas === wanted && status.replicas === wanted) || undefined;
  };
  try {
    await until(`${wanted} replicas are ready`, children, ready);
  } catch (error) {
    throw new Error(
      `${(error as Error).message}
${await terrane(['status'])}`,
      { cause: error },
    );
  }
}

async function webPods(terrane: Terrane): Promise<Pod[]> {
  const { items } = JSON.parse(await terrane(['get', 'pods', '-o', 'json'])) as { items: Pod[] };
  return items.filter((pod) => pod.metadata.labels?.app === 'web');
}

async function askEach(say: Narrator, terrane: Terrane): Promise<void> {
  for (const pod of await webPods(terrane)) {
    const url = `http://${pod.status?.podIP}:${DEMO_PORT}/`;
    const answer = await (await fetch(url)).text();
    if (answer !== PAGE) throw new Error(`${url} answered ${JSON.stringify(answer)}`);
    say.detail(`${pod.metadata.name} at ${url}: ${answer}`);
  }
}

/** As a container does: the name, from the agent's name server on the bridge of the pods' network, and then the address. */
async function askService(say: Narrator, terrane: Terrane, children: readonly Child[]): Promise<void> {
  if (process.getuid?.() !== 0) return say.detail("left out: only root may set up the pods' network");
  const { items } = JSON.parse(await terrane(['get', 'nodes', '-o', 'json'])) as { items: Node[] };
  const subnet = items[0]?.spec?.podCIDR;
  if (!subnet) throw new Error("the host has no subnet of the pods' network: terrane net doctor says why");
  const gateway = subnet.replace(/\d+\/\d+$/, '1');
  const { clusterIP } = (JSON.parse(await terrane(['get', 'service', 'web', '-o', 'json'])) as Service).spec!;
  const resolver = new Resolver({ timeout: 1000, tries: 1 });
  resolver.setServers([gateway]);
  const name = 'web.default.svc.cluster.local';
  const addresses = await until(`${name} is known`, children, () => resolver.resolve4(name).catch(() => undefined));
  if (addresses.join() !== clusterIP) throw new Error(`${name} is ${addresses.join()}, and the Service ${clusterIP}`);
  say.detail(`${name}, asked at ${gateway}, is ${clusterIP}`);
  const url = `http://${clusterIP}/`;
  const answer = await until(`${url} answers`, children, () =>
    getAs('localhost', url).catch(({ code }: NodeJS.ErrnoException) => (code === 'ENETUNREACH' ? NO_ROUTE : undefined)),
  );
  if (answer === NO_ROUTE)
    return say.detail(`${url} is left out: this machine has no route to other networks, so only containers reach a Service`);
  if (answer !== PAGE) throw new Error(`${url} answered ${JSON.stringify(answer)}`);
  say.detail(`${url}: ${answer}`);
}

/** With a Host of its own, which fetch can't send: esbuild's server answers only to names that it knows. */
async function getAs(host: string, url: string): Promise<string> {
  const request = get(url, { headers: { host }, signal: AbortSignal.timeout(2000) });
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  return await text(answer);
}

async function readLogs(say: Narrator, terrane: Terrane): Promise<void> {
  const [pod] = await webPods(terrane);
  const logs = await terrane(['logs', pod!.metadata.name]);
  if (!logs.includes('GET /')) throw new Error(`the logs don't show the requests:\n${logs}`);
  say.detail(logs.trim().split('\n').slice(-3).join('\n'));
}

async function killOne(say: Narrator, terrane: Terrane, { socket }: Engine, children: readonly Child[]): Promise<void> {
  const [pod] = await webPods(terrane);
  const id = pod!.status?.containerStatuses?.[0]?.containerID?.replace('docker://', '') ?? '';
  say.command(`docker kill ${id.slice(0, 12)}`);
  docker(socket, 'kill', id);
  const restarts = await until('the container runs again', children, async () => {
    const status = (await webPods(terrane)).find(({ metadata }) => metadata.uid === pod!.metadata.uid)?.status
      ?.containerStatuses?.[0];
    return (status?.ready && status.restartCount > 0 && status.restartCount) || undefined;
  });
  say.detail(`${pod!.metadata.name} is ready again, restarts: ${restarts}`);
  await replicasReady(terrane, 3, children);
}

async function deleteAll(say: Narrator, terrane: Terrane, { socket }: Engine, children: readonly Child[]): Promise<void> {
  await terrane(['delete', 'deployment', 'web']);
  await terrane(['delete', 'service', 'web']);
  await until('no container of it is left', children, async () => {
    const left = docker(socket, 'ps', '--all', '--quiet', '--filter', 'label=terrane.dev/pod-uid');
    return (left === '' && (await webPods(terrane)).length === 0) || undefined;
  });
  say.detail('no container is left');
}

/** Docker's own command, as a person beside the agent would use it. */
function docker(socket: string, ...args: string[]): string {
  const result = spawnSync('docker', ['-H', `unix://${socket}`, ...args], { encoding: 'utf8' });
  if (result.status !== 0) throw new Error(`docker ${args.join(' ')}: ${result.stderr || result.error?.message}`);
  return result.stdout.trim();
}

function narrated(say: Narrator, terrane: Terrane): Terrane {
  const polling = new Set(['get', 'whoami']);
  return (args, stdin) => {
    if (!polling.has(args[0]!) || !args.includes('json')) say.command(`npx terrane ${args.join(' ')}`);
    return terrane(args, stdin);
  };
}

function whatNext(say: Narrator, config: string, server: Server, agent: Child): void {
  say.detail(`
Try next, in another terminal in this folder:
  export TERRANE_CONFIG=${config}
  npx terrane status
  npx terrane apply -f ${join(config, '../web.yaml')} && npx terrane get pods -w
  npx terrane kubeconfig > kubeconfig && kubectl --kubeconfig kubeconfig get all
  curl -s ${server.http}/metrics | grep terrane_
or in a browser on this machine, as ${EMAIL} with the password "${PASSWORD}": ${server.http}
The server's log is in ${join(config, '../log/server.log')}, the agent's (pid ${agent.pid}) in ${agent.logFile}.
More: README.md, docs/cli.md`);
}
