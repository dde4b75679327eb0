import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createResource, getResource, updateResource } from '../../../core/resources/write.ts';
import { findKubectls } from './kubectls.ts';
import { deployment, pod } from './manifests.ts';
import { type ServedCluster, serveCluster } from './served-cluster.ts';

jest.setTimeout(120_000);
const kubectls = await findKubectls();
const inDefault = (object: { metadata: object }) => ({ ...object, metadata: { ...object.metadata, namespace: 'default' } });

describe.each(kubectls)('kubectl $version reads', (kubectl) => {
  let cluster: ServedCluster;
  beforeAll(async () => {
    cluster = await serveCluster(kubectl);
    const { ctx } = cluster;
    await cluster.commit((txn) => {
      createResource(
        txn,
        'Node',
        { metadata: { name: 'n1' }, status: { conditions: [{ type: 'Ready', status: 'True' }], nodeInfo: nodeInfo() } },
        ctx,
      );
      createResource(txn, 'Deployment', inDefault(deployment('web')), ctx);
      createResource(txn, 'Pod', inDefault(pod('a', { nodeName: 'n1' }, { app: 'x', tier: 'front' })), ctx);
      createResource(txn, 'Pod', inDefault(pod('b')), ctx);
      createResource(txn, 'Pod', { ...pod('z'), metadata: { name: 'z', namespace: 'kube-system' } }, ctx);
      const { uid } = getResource(txn, 'Pod', 'default', 'b')!.metadata;
      const involvedObject = { apiVersion: 'v1', kind: 'Pod', namespace: 'default', name: 'b', uid };
      const event = {
        metadata: { name: 'b.1', namespace: 'default' },
        involvedObject,
        type: 'Warning',
        reason: 'FailedScheduling',
        message: '0/1 nodes fit',
        count: 3,
      };
      createResource(txn, 'Event', event, ctx);
      const placed = getResource(txn, 'Pod', 'default', 'a')!;
      updateResource(txn, { ...placed, status: runningStatus() }, ctx, { subresource: 'status' });
    });
  });
  afterAll(() => cluster.stop());

  test('tables: narrow, wide, all namespaces, by label, by field, several kinds', async () => {
    expect(await cluster.ok('get', 'pods')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE\na +1\/1 +Running +0 +\d+\w+\nb +0\/1 +Pending +0 /,
    );
    expect(await cluster.ok('get', 'po', '-o', 'wide')).toMatch(
      /IP +NODE +NOMINATED NODE +READINESS GATES\na .* 10\.1\.0\.5 +n1 +<none> +<none>/,
    );
    expect(await cluster.ok('get', 'pods', '-A')).toMatch(/^NAMESPACE +NAME .*\ndefault +a .*\ndefault +b .*\nkube-system +z /);
    expect(await cluster.ok('get', 'pods', '-l', 'tier=front', '-o', 'name')).toBe('pod/a\n');
    expect(await cluster.ok('get', 'pods', '-l', 'tier notin (front)', '-o', 'name')).toBe('pod/b\n');
    expect(await cluster.ok('get', 'pods', '--field-selector', 'spec.nodeName=n1', '-o', 'name')).toBe('pod/a\n');
    expect(await cluster.ok('get', 'pods', '--show-labels', '--no-headers')).toContain('app=x,tier=front');
    expect(await cluster.ok('get', 'pods', '-L', 'tier')).toMatch(/TIER\na .* front/);
    expect(await cluster.ok('get', 'pods', '--sort-by=.metadata.name', '-o', 'name')).toBe('pod/a\npod/b\n');
    expect(await cluster.ok('get', 'deploy')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +0\/2 +0 +0 /);
    expect(await cluster.ok('get', 'nodes')).toMatch(/^NAME +STATUS +ROLES +AGE +VERSION\nn1 +Ready +<none> +\S+ +v1/);
    expect(await cluster.ok('get', 'all')).toMatch(/pod\/a [\s\S]*deployment\.apps\/web /);
    expect(await cluster.ok('get', 'events')).toMatch(/Warning +FailedScheduling +pod\/b +0\/1 nodes fit/);
  });

  test('objects: JSON, YAML, JSONPath, custom columns', async () => {
    const object = JSON.parse(await cluster.ok('get', 'deploy', 'web', '-o', 'json')) as object;
    expect(object).toMatchObject({ apiVersion: 'apps/v1', kind: 'Deployment', spec: { replicas: 2 } });
    expect(await cluster.ok('get', 'deploy/web', '-o', 'yaml')).toContain('cpu: 500m');
    expect(await cluster.ok('get', 'pods', '-o', 'jsonpath={.items[*].metadata.name}')).toBe('a b');
    expect(await cluster.ok('get', 'pods', '-o', 'custom-columns=N:.metadata.name,P:.status.phase')).toMatch(
      /a +Running\nb +Pending/,
    );
    const list = JSON.parse(await cluster.ok('get', 'pods', '-o', 'json')) as { kind: string; items: object[] };
    expect([list.kind, list.items.length]).toEqual(['List', 2]);
  });

  test('descriptions, with events', async () => {
    const text = await cluster.ok('describe', 'pod', 'b');
    expect(text).toMatch(/Status: +Pending/);
    expect(text).toMatch(/Warning +FailedScheduling .*0\/1 nodes fit/);
    expect(await cluster.ok('describe', 'pod', 'a')).toMatch(/IP: +10\.1\.0\.5/);
    expect(await cluster.ok('describe', 'deploy', 'web')).toMatch(/Replicas: +2 desired/);
    expect(await cluster.ok('describe', 'node', 'n1')).toMatch(/Non-terminated Pods: +\(1 in total\)/);
    expect(await cluster.ok('describe', 'ns', 'default')).toMatch(/Status: +Active/);
  });

  test('a watch: what is there, then what comes', async () => {
    let added = false;
    const { stdout } = await cluster.kubectlWith(
      {
        until(text) {
          if (!added && text.includes('b ')) {
            added = true;
            void cluster.commit((txn) => createResource(txn, 'Pod', inDefault(pod('late')), cluster.ctx));
          }
          return /^late .*\n/m.test(text);
        },
      },
      'get',
      'pods',
      '-w',
    );
    expect(stdout).toMatch(/^NAME +READY[\s\S]*\na [\s\S]*\nb [\s\S]*\nlate +0\/1 +Pending/);
    expect(cluster.seen.some((line) => line.includes('watch=true'))).toBe(true);
  });

  test('waits for a condition', async () => {
    expect(await cluster.ok('wait', '--for=condition=Ready', 'pod/a', '--timeout=20s')).toContain('condition met');
  });

  test('which kinds there are, and asks for them once', async () => {
    expect(await cluster.ok('api-resources', '--no-headers', '-o', 'name')).toContain('deployments.apps');
    const before = cluster.seen.length;
    await cluster.ok('get', 'cm');
    expect(cluster.seen.slice(before)).toEqual([
      expect.stringMatching(/^GET \/clusters\/x\/api\/v1\/namespaces\/default\/configmaps/),
    ]);
  });

  test('logs, from the host of the pod', async () => {
    cluster.answerLogs({ ok: true, body: new Response('line 1\nline 2\n').body as ReadableStream<Uint8Array> });
    expect(await cluster.ok('logs', 'a', '--tail=2', '--timestamps')).toBe('line 1\nline 2\n');
    expect(cluster.asked.at(-1)).toMatchObject({
      node: 'n1',
      request: { pod: 'a', container: 'web', tailLines: 2, timestamps: true },
    });
    cluster.answerLogs({ ok: false, status: 503, message: 'node n1 is not connected' });
    expect(await cluster.fails('logs', 'a')).toContain('node n1 is not connected');
    expect(await cluster.fails('logs', 'b')).toContain('it is not placed on a node');
  });

  test('what may be done', async () => {
    expect(await cluster.ok('auth', 'can-i', 'create', 'pods')).toBe('yes\n');
    cluster.as('viewer');
    const { stdout, code } = await cluster.kubectl('auth', 'can-i', 'create', 'pods');
    const refused = await cluster.fails('get', 'secrets');
    cluster.as('owner');
    expect([stdout.split('\n')[0], code]).toEqual([expect.stringMatching(/^no/), 1]);
    expect(refused).toContain('the role viewer does not allow it');
  });

  test('errors that say what is wrong', async () => {
    expect(await cluster.fails('get', 'pod', 'nope')).toBe('Error from server (NotFound): pods "nope" not found\n');
    expect(await cluster.fails('get', 'gizmos')).toContain('the server doesn\'t have a resource type "gizmos"');
    expect(await cluster.fails('exec', 'a', '--', 'ls')).toContain('exec into containers is not supported yet');
  });

  (kubectl.version === '1.20' ? test.skip : test)('the meaning of fields (explain)', async () => {
    const text = await cluster.ok('explain', 'deployment.spec.replicas');
    expect(text).toMatch(/FIELD: +replicas <integer>/);
    expect(text).toMatch(/DESCRIPTION:\s+[A-Z]\w+/);
    expect(await cluster.ok('explain', 'pod.spec.containers')).toContain('livenessProbe');
  });
});

function runningStatus() {
  const ready = (type: string) => ({ type, status: 'True' as const, lastTransitionTime: '2024-01-02T03:04:05Z' });
  const state = { running: { startedAt: '2024-01-02T03:04:05Z' } };
  return {
    phase: 'Running' as const,
    podIP: '10.1.0.5',
    hostIP: '192.0.2.1',
    conditions: [ready('Initialized'), ready('Ready'), ready('ContainersReady'), ready('PodScheduled')],
    containerStatuses: [
      {
        name: 'web',
        state,
        lastState: {},
        ready: true,
        started: true,
        restartCount: 0,
        image: 'web:1',
        imageID: 'sha256:1',
        containerID: 'docker://1',
      },
    ],
  };
}

function nodeInfo() {
  const none = { machineID: '', systemUUID: '', bootID: '', kubeProxyVersion: '' };
  return {
    ...none,
    kernelVersion: '6.1',
    osImage: 'Debian',
    containerRuntimeVersion: 'docker://20',
    kubeletVersion: 'v1',
    operatingSystem: 'linux',
    architecture: 'amd64',
  };
}
