import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import type { Service } from '../../../core/resources/schema/service.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { BUSYBOX } from '../../support/images.ts';
import { type LabHost, type Netlab, startNetlab } from '../../support/netlab/netlab.ts';

/** Three hosts with an engine and an agent each: Services and policies as people apply them, from the API to packets. */

const HOSTS = ['h1', 'h2', 'h3'];
/** For an answer that has to come; on a busy machine it takes its time, s. */
const PATIENT = 15;
/** A web server that tells its name, and is ready as long as there is a file. */
const SERVE = 'mkdir /tmp/www; echo "$HOSTNAME" > /tmp/www/index.html; touch /tmp/ready; exec httpd -f -p 8080 -h /tmp/www';

function podManifest(name: string, nodeName: string, labels: object, extra: object = {}): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels },
    spec: {
      nodeName,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'web',
          image: BUSYBOX,
          imagePullPolicy: 'Never',
          command: ['/bin/sh', '-c', SERVE],
          readinessProbe: { exec: { command: ['test', '-f', '/tmp/ready'] }, periodSeconds: 1, failureThreshold: 1 },
          ...extra,
        },
      ],
    },
  };
}

const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
const PORTS = [{ port: 80, targetPort: 8080 }];

(canRunDockerd() ? describe : describe.skip)('Services on three hosts', () => {
  let lab: Netlab;

  beforeAll(async () => {
    lab = await startNetlab({ hosts: HOSTS, network: { backend: { type: 'vxlan' } } });
    // As hosts have one; without any, a host's own programs get no further than to be told that there is no way.
    for (const host of lab.hosts) await host.must('ip', 'route', 'add', 'default', 'via', '192.168.77.254');
    await eventually('the hosts have joined', async () => expect(await items('nodes')).toHaveLength(HOSTS.length), {
      timeoutMs: 60_000,
    });
    await apply(
      ...HOSTS.map((host) => podManifest(`web-${host}`, host, { app: 'web' })),
      podManifest('alone', 'h1', { app: 'alone' }),
      podManifest('client', 'h2', { app: 'client' }),
      podManifest(
        'door',
        'h3',
        { app: 'door' },
        {
          ports: [
            { containerPort: 8080, hostPort: 18_080 },
            { containerPort: 8080, hostPort: 18_081, hostIP: '127.0.0.1', name: 'inside' },
          ],
        },
      ),
      service('web', { selector: { app: 'web' }, ports: PORTS }),
      service('sticky', { selector: { app: 'web' }, ports: PORTS, sessionAffinity: 'ClientIP' }),
      service('door', { type: 'NodePort', selector: { app: 'web' }, ports: [{ ...PORTS[0], nodePort: 30_080 }] }),
      service('local', {
        type: 'NodePort',
        externalTrafficPolicy: 'Local',
        selector: { app: 'alone' },
        ports: [{ ...PORTS[0], nodePort: 30_081 }],
      }),
      service('alone', { selector: { app: 'alone' }, ports: PORTS }),
      service('headless', { clusterIP: 'None', selector: { app: 'alone' }, ports: [{ port: 8080 }] }),
    );
    await eventually(
      'every pod is ready',
      async () => {
        const pods = await items<Pod>('pods');
        const unready = pods.filter(
          ({ status }) => !status?.conditions?.some(({ type, status: on }) => type === 'Ready' && on === 'True'),
        );
        if (unready.length > 0)
          throw new Error(`${unready.map(({ metadata }) => metadata.name).join()}\n${lab.hosts[0]!.agent().tail()}`);
      },
      { timeoutMs: 90_000 },
    );
  }, 240_000);
  afterAll(async () => await lab?.stop(), 60_000);

  async function apply(...objects: object[]): Promise<void> {
    const stdin = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const { code, stderr } = await lab.installation.terrane(['apply', '-f', '-'], { stdin });
    if (code !== 0) throw new Error(stderr);
  }

  const items = async <T>(kind: string) =>
    (await lab.installation.terraneJson<{ items: T[] }>(['get', kind, '-o', 'json'])).items;
  const addresses = new Map<string, string>();
  async function addressOf(name: string): Promise<string> {
    if (addresses.size === 0)
      for (const { metadata, spec } of await items<Service>('services')) addresses.set(metadata.name, spec!.clusterIP!);
    return addresses.get(name)!;
  }

  const containers = new Map<string, { host: LabHost; id: string; pid: string }>();
  async function containerOf(pod: string): Promise<{ host: LabHost; id: string; pid: string }> {
    let found = containers.get(pod);
    if (!found) {
      const { metadata, spec } = (await items<Pod>('pods')).find((each) => each.metadata.name === pod)!;
      const host = lab.host(spec.nodeName!);
      const id = (await host.docker('ps', '-q', '--filter', `label=terrane.dev/pod-uid=${metadata.uid}`)).trim();
      const pid = (await host.docker('inspect', '--format', '{{.State.Pid}}', id)).trim();
      containers.set(pod, (found = { host, id, pid }));
    }
    return found;
  }

  /** Who answers; or '' if nobody does. `from`: a pod or a host. */
  async function ask(from: string, url: string, seconds = 3): Promise<string> {
    const curl = ['curl', '-sS', '-m', String(seconds), url];
    if (HOSTS.includes(from)) return (await lab.host(from).run(curl[0]!, ...curl.slice(1))).stdout.trim();
    const { host, pid } = await containerOf(from);
    return (await host.run('nsenter', '-t', pid, '-n', ...curl)).stdout.trim();
  }

  async function everyoneAsked(from: string, url: string, times = 15, seconds = 3): Promise<string[]> {
    const names = new Set<string>();
    for (let index = 0; index < times; index++) names.add(await ask(from, url, seconds));
    return [...names].sort();
  }

  const settled = (what: string, check: () => Promise<void>) => eventually(what, check, { timeoutMs: 30_000 });
  const WEB = HOSTS.map((host) => `web-${host}`);

  test('are reached by their address from every pod and every host', async () => {
    const url = `http://${await addressOf('web')}/`;
    for (const from of [...WEB, ...HOSTS])
      await settled(`${from} is answered by all`, async () =>
        expect([from, await everyoneAsked(from, url)]).toEqual([from, WEB]),
      );
  }, 180_000);

  test('are reached by their name, headless ones too', async () => {
    const { host, id } = await containerOf('client');
    const inPod = async (url: string) => (await host.docker('exec', id, 'wget', '-qO-', url)).trim();
    expect(WEB).toContain(await inPod('http://web/'));
    expect(await inPod('http://alone.default.svc.cluster.local/')).toBe('alone');
    expect(await inPod('http://headless:8080/')).toBe('alone');
  });

  test('with affinity answer a client from one pod', async () => {
    const names = await everyoneAsked('client', `http://${await addressOf('sticky')}/`, 15, PATIENT);
    expect(names).toHaveLength(1);
    expect(WEB).toContain(names[0]);
  });

  test('are reached by a pod that is their only endpoint', async () => {
    expect(await ask('alone', `http://${await addressOf('alone')}/`, PATIENT)).toBe('alone');
  });

  test('of type NodePort are reached from outside at each host; with policy Local only where their pod is', async () => {
    for (const host of lab.hosts) {
      const other = lab.hosts.find((each) => each !== host)!;
      // Each connection goes to one at random: fifteen in a row miss one of three in one of 150 runs.
      await settled(`all answer at ${host.name}`, async () =>
        expect(await everyoneAsked(other.name, `http://${host.address}:30080/`)).toEqual(WEB),
      );
    }
    expect(await ask('h2', `http://${lab.host('h1').address}:30081/`, PATIENT)).toBe('alone');
    expect(await ask('h2', `http://${lab.host('h3').address}:30081/`, 1)).toBe('');
  }, 120_000);

  test('that are host ports of a pod are reached at its host, at the address that it asks for', async () => {
    const { address } = lab.host('h3');
    expect(await ask('h1', `http://${address}:18080/`, PATIENT)).toBe('door');
    expect(await ask('h3', 'http://127.0.0.1:18081/', PATIENT)).toBe('door');
    expect(await ask('h1', `http://${address}:18081/`, 1)).toBe('');
  }, 120_000);

  test('send nothing to a pod that is not ready', async () => {
    const url = `http://${await addressOf('web')}/`;
    const { host, id } = await containerOf('web-h3');
    await host.docker('exec', id, 'rm', '/tmp/ready');
    for (const from of HOSTS)
      await settled(`${from} leaves it out`, async () =>
        expect([from, await everyoneAsked(from, url)]).toEqual([from, WEB.slice(0, 2)]),
      );
    await host.docker('exec', id, 'touch', '/tmp/ready');
    await settled('it is back', async () => expect(await everyoneAsked('h1', url)).toEqual(WEB));
  }, 120_000);

  test('go on while agents are dead, and come back when their rules were taken away', async () => {
    const url = `http://${await addressOf('alone')}/`;
    const h3 = lab.host('h3');
    await h3.killAgent();
    expect(await ask('h3', url, PATIENT)).toBe('alone');
    await h3.startAgent();
    await h3.must('nft', 'delete', 'table', 'ip', 'terrane_services');
    await settled('they are routed again', async () => expect(await ask('h3', url)).toBe('alone'));
  }, 60_000);

  test('obey NetworkPolicies: nobody, then those that are allowed, while probes go on', async () => {
    const url = `http://${await addressOf('web')}/`;
    const policy = (name: string, spec: object) => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name },
      spec,
    });
    const podSelector = { matchLabels: { app: 'web' } };
    await apply(policy('deny', { podSelector }));
    for (const host of lab.hosts)
      await settled(
        `${host.name} enforces it`,
        async () => void (await host.must('nft', 'list', 'table', 'ip', 'terrane_policy')),
      );
    const refused = await Promise.all(['client', 'alone'].map(async (from) => [from, await everyoneAsked(from, url, 5, 1)]));
    expect(refused).toEqual([
      ['client', ['']],
      ['alone', ['']],
    ]);
    await apply(
      policy('allow', {
        podSelector,
        ingress: [{ from: [{ podSelector: { matchLabels: { app: 'client' } } }], ports: [{ port: 8080 }] }],
      }),
    );
    await settled('the client is let in', async () => expect(await everyoneAsked('client', url)).toEqual(WEB));
    expect(await ask('alone', url, 1)).toBe('');
    const ready = (await items<Pod>('pods')).filter(({ status }) =>
      status?.conditions?.some(({ type, status: on }) => type === 'Ready' && on === 'True'),
    );
    expect(ready.map(({ metadata }) => metadata.name)).toEqual(expect.arrayContaining(WEB));
  }, 120_000);

  test('are no longer routed when they are deleted', async () => {
    const url = `http://${await addressOf('alone')}/`;
    expect(await ask('h2', url, PATIENT)).toBe('alone');
    await lab.installation.terrane(['delete', 'service', 'alone']);
    await settled('nobody answers', async () => expect(await ask('h2', url)).toBe(''));
  });
});
