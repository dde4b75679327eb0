import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Child } from '../../bin/machine/child.ts';
import type { Deployment } from '../../core/resources/schema/deployment.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { canRunDockerd, type Dockerd, startDockerd } from '../support/dockerd.ts';
import { eventually } from '../support/eventually.ts';
import { importBusybox } from '../support/images.ts';
import { type Installation, run, startInstallation } from './support/installation.ts';
import { pinnedPod } from './support/pinned-pod.ts';

/** Two agents on two engines of this machine serve one Deployment, and what fails is healed. */

const REPLICAS = 4;
const MANIFEST = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: ${REPLICAS}
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: terrane.test/busybox:1
          imagePullPolicy: Never
          command: ["/bin/sh", "-c", "echo started; mkdir /tmp/www; echo hello > /tmp/www/index.html; exec httpd -f -p 8080 -h /tmp/www"]
          ports: [{ containerPort: 8080 }]
          readinessProbe: { httpGet: { path: /, port: 8080 }, periodSeconds: 1 }
`;

/** A host that is not heard of for 12 s is taken for gone. */
const SETTINGS = `apiVersion: v1
kind: ConfigMap
metadata: { name: cluster-settings, namespace: terrane-system }
data: { renewSeconds: "2", fencedStopSeconds: "6", reportSeconds: "2", notReadySeconds: "12" }
`;
/** More than twice as long. */
const OUTAGE_MS = 30_000;

(canRunDockerd() ? describe : describe.skip)('two hosts', () => {
  let installation: Installation;
  const engines = new Map<string, Dockerd>();
  const agents = new Map<string, Child>();

  beforeAll(async () => {
    installation = await startInstallation();
    expect(await installation.terrane(['apply', '-f', '-'], { stdin: SETTINGS })).toMatchObject({ code: 0 });
    for (const name of ['left', 'right']) {
      const engine = await startDockerd();
      engines.set(name, engine);
      await importBusybox(engine.socket);
      agents.set(name, await installation.startAgent({ name, socket: engine.socket }));
    }
    await eventually('both nodes are ready', async () => {
      const nodes = await list<Node>('nodes');
      const ready = nodes.filter((node) =>
        node.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
      );
      expect(ready.map((node) => node.metadata.name).toSorted()).toEqual(['left', 'right']);
    });
    await installation.terrane(['apply', '-f', '-'], { stdin: MANIFEST });
    await allReady();
  }, 180_000);

  afterAll(async () => {
    await installation?.stop();
    for (const engine of engines.values()) await engine.stop();
  }, 120_000);

  async function list<T>(kind: string): Promise<T[]> {
    const result = await installation.terrane(['get', kind, '-o', 'json']);
    if (result.code !== 0) throw new Error(result.stderr);
    return (JSON.parse(result.stdout) as { items: T[] }).items;
  }

  const pods = () => list<Pod>('pods');

  const allReady = () =>
    eventually(
      'all replicas are ready',
      async () => {
        const [deployment] = await list<Deployment>('deployments');
        expect(deployment?.status).toMatchObject({ replicas: REPLICAS, readyReplicas: REPLICAS, updatedReplicas: REPLICAS });
        const all = await pods();
        expect(all).toHaveLength(REPLICAS);
        return all;
      },
      { timeoutMs: 120_000 },
    );

  /** What runs on an engine: container id -> when it started. The truth that no control plane can colour. */
  async function containers(name: string): Promise<Map<string, string>> {
    const socket = `unix://${engines.get(name)!.socket}`;
    const { stdout } = await run('docker', ['-H', socket, 'ps', '-q', '--no-trunc', '--filter', 'label=terrane.dev/pod-uid']);
    const ids = stdout.split('\n').filter(Boolean);
    if (ids.length === 0) return new Map();
    const inspected = await run('docker', ['-H', socket, 'inspect', '--format', '{{.Id}} {{.State.StartedAt}}', ...ids]);
    return new Map(
      inspected.stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ') as [string, string]),
    );
  }

  const restarts = async () =>
    (await pods()).flatMap((pod) => pod.status?.containerStatuses?.map((status) => status.restartCount) ?? []);

  test('one Deployment is spread over both, and each replica answers', async () => {
    const all = await pods();
    for (const name of ['left', 'right']) expect(all.filter((pod) => pod.spec.nodeName === name)).toHaveLength(REPLICAS / 2);
    for (const pod of all) {
      const response = await fetch(`http://${pod.status?.podIP}:8080/`);
      expect(await response.text()).toBe('hello\n');
    }
  });

  test('logs come through the control plane from either host', async () => {
    for (const pod of await pods()) {
      expect((await installation.terrane(['logs', pod.metadata.name])).stdout).toBe('started\n');
    }
  });

  test('kill -9 of an agent: its containers run on, and the next agent adopts them', async () => {
    const before = await containers('left');
    process.kill(agents.get('left')!.pid, 'SIGKILL');
    await eventually('the agent is dead', () => expect(agents.get('left')!.exit()).toBeDefined());
    expect(await containers('left')).toEqual(before);

    agents.set('left', await installation.startAgent({ name: 'left', socket: engines.get('left')!.socket }));
    // The proof that the new agent is in charge: it does something new, and leaves the old alone.
    await installation.terrane(['apply', '-f', '-'], { stdin: pinnedPod('probe', 'left') });
    await eventually('the new agent runs a new pod', async () => {
      expect((await pods()).find((pod) => pod.metadata.name === 'probe')?.status?.phase).toBe('Running');
    });
    expect(new Map([...(await containers('left'))].filter(([id]) => before.has(id)))).toEqual(before);
    await installation.terrane(['delete', 'pod', 'probe']);
    await allReady();
  }, 120_000);

  test("killing an engine's containers: they come back", async () => {
    const before = await containers('right');
    const socket = `unix://${engines.get('right')!.socket}`;
    expect((await run('docker', ['-H', socket, 'kill', ...before.keys()])).code).toBe(0);
    await eventually('new containers run in their place', async () => {
      const now = await containers('right');
      expect(now.size).toBe(before.size);
      for (const [id, startedAt] of now) expect(before.get(id)).not.toBe(startedAt);
    });
    await allReady();
  }, 120_000);

  test('the control plane away for longer than hosts are waited for: nothing restarts, what fails is healed, and all is reconciled when it returns', async () => {
    const [left, right, counted] = [await containers('left'), await containers('right'), await restarts()];
    await installation.stopServer();
    const away = Date.now();

    // One container dies meanwhile: its host heals it alone.
    const [victim] = left.keys();
    await run('docker', ['-H', `unix://${engines.get('left')!.socket}`, 'kill', victim!]);
    await eventually('the host has healed it without the control plane', async () => {
      const now = await containers('left');
      expect(now.size).toBe(left.size);
      expect(now.get(victim!)).not.toBe(left.get(victim!));
    });
    await eventually('the outage has lasted', () => expect(Date.now() - away).toBeGreaterThan(OUTAGE_MS), {
      timeoutMs: 2 * OUTAGE_MS,
    });
    expect(await containers('right')).toEqual(right);

    await installation.startServer();
    await eventually('the control plane knows of the one restart', async () => {
      expect((await restarts()).reduce((sum, count) => sum + count, 0)).toBe(counted.reduce((sum, count) => sum + count, 0) + 1);
    });
    await allReady();
    expect(await containers('right')).toEqual(right);
    const unharmed = [...left].filter(([id]) => id !== victim);
    const now = await containers('left');
    for (const [id, startedAt] of unharmed) expect(now.get(id)).toBe(startedAt);

    await installation.terrane(['scale', 'deployment', 'web', '--replicas', String(REPLICAS - 1)]);
    await eventually('it takes orders again', async () => expect(await pods()).toHaveLength(REPLICAS - 1));
    await installation.terrane(['scale', 'deployment', 'web', '--replicas', String(REPLICAS)]);
    await allReady();
  }, 240_000);

  test('removing a node: its pods move to the other', async () => {
    const result = await installation.terrane(['node', 'remove', 'left', '--yes']);
    expect(result.code).toBe(0);
    await eventually(
      'everything runs on the other node',
      async () => {
        const all = await pods();
        expect(all.map((pod) => [pod.spec.nodeName, pod.status?.phase])).toEqual(Array(REPLICAS).fill(['right', 'Running']));
      },
      { timeoutMs: 120_000 },
    );
    await allReady();
    await eventually('the removed host runs none of it twice', async () => expect((await containers('left')).size).toBe(0));
    expect((await list<Node>('nodes')).map((node) => node.metadata.name)).toEqual(['right']);
  }, 180_000);
});
