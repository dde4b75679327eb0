import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LAST_APPLIED } from '../../../cli/kube/last-applied.ts';
import type { Deployment } from '../../../core/resources/schema/deployment.ts';
import { DEPLOYMENTS, PODS } from '../../../functions/api/kube/testing/harness.ts';
import { type TestTerrane, testTerrane } from './support.ts';

let terrane: TestTerrane;
beforeEach(async () => {
  terrane = await testTerrane();
});
afterEach(() => terrane.stop());

const WEB = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: web
          image: web:1
          env: [{ name: A, value: "1" }, { name: B, value: "2" }]
`;
const configMap = (name: string, extra = '') => `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name} }\n${extra}`;
const apply = (stdin: string, ...args: string[]) => terrane.run(['apply', '-f', '-', ...args], { stdin });
const deployment = () => terrane.kube.json<Deployment & Record<string, unknown>>('GET', `${DEPLOYMENTS}/web`);
const names = async (kind: string) => (await terrane.must(['get', kind, '-o', 'name'])).split('\n').filter(Boolean);
const path = (name: string) => join(terrane.directory, name);

describe('apply', () => {
  test('creates, then changes nothing, then changes what the file says', async () => {
    expect(await apply(WEB)).toMatchObject({ code: 0, stdout: 'deployment.apps/web created\n' });
    const before = await deployment();
    expect(await apply(WEB)).toMatchObject({ code: 0, stdout: 'deployment.apps/web unchanged\n' });
    expect((await deployment()).metadata.resourceVersion).toBe(before.metadata.resourceVersion);
    expect(await apply(WEB.replace('web:1', 'web:2'))).toMatchObject({ code: 0, stdout: 'deployment.apps/web configured\n' });
    expect((await deployment()).spec.template.spec.containers[0]!.image).toBe('web:2');
  });

  test('takes away what the file no longer says, and leaves what others have set', async () => {
    await apply(WEB.replace('  replicas: 2\n', ''));
    await terrane.must(['scale', 'deployment', 'web', '--replicas', '5']);
    await terrane.kube.json('PATCH', `${DEPLOYMENTS}/web`, { metadata: { labels: { team: 'shop' } } });
    await apply(WEB.replace('  replicas: 2\n', '').replace(', { name: B, value: "2" }', ''));
    const { spec, metadata } = await deployment();
    expect(spec.replicas).toBe(5);
    expect(metadata.labels).toEqual({ team: 'shop' });
    expect(spec.template.spec.containers[0]!.env).toEqual([{ name: 'A', value: '1' }]);
  });

  test('reads directories, lists and several documents; with --json it gives the objects', async () => {
    await mkdir(path('dir'));
    await writeFile(path('dir/a.yaml'), `${configMap('a')}---\n# nothing\n---\n${configMap('b')}`);
    await writeFile(
      path('dir/c.json'),
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }],
      }),
    );
    await writeFile(path('dir/README.md'), 'not a manifest');
    const { results } = JSON.parse(await terrane.must(['apply', '-f', path('dir'), '--json'])) as {
      results: { action: string; object: Deployment }[];
    };
    expect(results.map(({ action, object }) => `${object.metadata.name} ${action}`)).toEqual([
      'a created',
      'b created',
      'c created',
    ]);
  });

  test('--dry-run changes nothing', async () => {
    expect(await apply(WEB, '--dry-run')).toMatchObject({ code: 0, stdout: 'deployment.apps/web created (dry run)\n' });
    expect(await names('deployments')).toEqual([]);
  });

  test('makes a namespace before what is in it, wherever it stands in the file', async () => {
    const { stdout } = await apply(
      `${configMap('a').replace('{ name: a }', '{ name: a, namespace: shop }')}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n`,
    );
    expect(stdout).toBe('namespace/shop created\nconfigmap/a created\n');
  });

  test('its last-applied annotation is what kubectl writes', async () => {
    await apply(configMap('a', 'data: { x: "<&>" }\n'));
    const { metadata } = await terrane.kube.json<Deployment>('GET', '/api/v1/namespaces/default/configmaps/a');
    expect(metadata.annotations?.[LAST_APPLIED]).toBe(
      '{"apiVersion":"v1","data":{"x":"\\u003c\\u0026\\u003e"},"kind":"ConfigMap","metadata":{"annotations":{},"name":"a","namespace":"default"}}\n',
    );
  });

  test('--wait follows the rollout and says what holds it up; a rollout that fails exits with 1', async () => {
    await apply(WEB);
    const status = { observedGeneration: 1, replicas: 2, updatedReplicas: 2, availableReplicas: 2, readyReplicas: 2 };
    await terrane.kube.json('PATCH', `${DEPLOYMENTS}/web/status`, { status });
    expect((await apply(WEB, '--wait')).code).toBe(0);

    const condition = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    await terrane.kube.json('PATCH', `${DEPLOYMENTS}/web/status`, { status: { updatedReplicas: 0, conditions: [condition] } });
    await terrane.kube.json('POST', PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web-1', labels: { app: 'web' } },
      spec: { containers: [{ name: 'web', image: 'web:1' }] },
    });
    const waiting = { reason: 'ErrImagePull', message: 'no such image' };
    const containers = [
      { name: 'web', ready: false, restartCount: 0, image: 'web:1', imageID: '', state: { waiting }, lastState: {} },
    ];
    await terrane.kube.json('PATCH', `${PODS}/web-1/status`, { status: { containerStatuses: containers } });
    const { code, stderr } = await apply(WEB, '--wait');
    expect(code).toBe(1);
    expect(stderr).toContain('deployment web: no progress within 600 s\n  web: ErrImagePull: no such image');
  });
});

describe('a manifest with a mistake: named with file, line and column, and nothing is changed', () => {
  test.each([
    ['malformed YAML', `${configMap('a')}---\nkind: [unclosed\nmetadata:\n`, /<stdin>, line 6, column 1: /],
    ['no kind', 'apiVersion: v1\nmetadata: { name: a }\n', /<stdin>, line 1, column 1: kind is missing/],
    [
      'an unknown kind',
      configMap('a') + '---\n' + configMap('b').replace('ConfigMap', 'ConfigMop'),
      /line 6, column 1: this cluster has no kind ConfigMop in v1/,
    ],
    ['an unknown field', `${configMap('a')}---\n${WEB.replace('image:', 'imagee:')}`, /line 16, column 11: .*unknown field/],
    [
      'a boolean for a string',
      configMap('a', 'data: { x: yes }\n'),
      /line 4, column 9: data.x: expected string, got boolean \(put it in quotes\)/,
    ],
    ['a wrong type', WEB.replace('replicas: 2', 'replicas: two'), /line 5, column 3: spec.replicas: expected/],
    ['a key twice', `${configMap('a')}kind: Secret\n`, /line 4, column 1: Map keys must be unique/],
    ['nothing at all', '# only a comment\n', /nothing to do: no resources/],
  ])('%s', async (_what, manifest, message) => {
    const { code, stderr } = await apply(manifest);
    expect(stderr).toMatch(message);
    expect(code).toBeGreaterThan(0);
    expect([...(await names('configmaps')), ...(await names('deployments'))]).toEqual([]);
  });

  test('a file that is not there', async () => {
    expect(await terrane.run(['apply', '-f', '/no/such.yaml'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('there is no file /no/such.yaml'),
    });
  });

  test('-n against the namespace in the file', async () => {
    const manifest = configMap('a').replace('{ name: a }', '{ name: a, namespace: shop }');
    expect((await apply(manifest, '-n', 'other')).stderr).toContain('is in namespace shop, but -n says other');
  });
});

describe('get', () => {
  beforeEach(() => apply(WEB));

  test('prints the columns that the server thinks are worth it; -o wide more of them', async () => {
    const text = await terrane.must(['get', 'deploy']);
    expect(text).toBe('NAME  READY  UP-TO-DATE  AVAILABLE  AGE\nweb   0/2    0           0          0s\n');
    expect(await terrane.must(['get', 'deployment/web', '-o', 'wide'])).toContain('SELECTOR');
    expect(await terrane.must(['get', 'deploy', '-A', '--no-header', '--show-labels'])).toMatch(/^default  web .* -\n$/);
  });

  test('json and yaml: one object for a name, a List otherwise', async () => {
    expect(JSON.parse(await terrane.must(['get', 'deploy', 'web', '--json']))).toMatchObject({
      kind: 'Deployment',
      metadata: { name: 'web' },
    });
    expect(JSON.parse(await terrane.must(['get', 'deploy', '-o', 'json']))).toMatchObject({
      kind: 'List',
      items: [{ kind: 'Deployment' }],
    });
    expect(await terrane.must(['get', 'deploy', 'web', '-o', 'yaml'])).toMatch(/^apiVersion: apps\/v1\n/);
  });

  test('yaml can be applied again, also where YAML 1.1 would read a string as something else', async () => {
    await apply(configMap('odd', 'data: { a: "yes", b: "0644", c: "22:22", d: "2001-01-01", e: "1e3" }\n'));
    const data = async () => (await terrane.kube.json('GET', '/api/v1/namespaces/default/configmaps/odd')).data;
    const before = await data();
    expect(before).toEqual({ a: 'yes', b: '0644', c: '22:22', d: '2001-01-01', e: '1e3' });
    const text = await terrane.must(['get', 'configmap', 'odd', '-o', 'yaml']);
    expect(await apply(text)).toMatchObject({ code: 0 });
    expect(await data()).toEqual(before);
  });

  test('several kinds, a name that is not there, an unknown kind, an empty namespace', async () => {
    await apply(configMap('a'));
    expect(await terrane.must(['get', 'deploy,configmaps', '-o', 'name'])).toMatch(/^deployment.apps\/web\n/);
    const missing = await terrane.run(['get', 'deploy', 'web', 'wob']);
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('"wob" not found') });
    expect(missing.stdout).toContain('web ');
    const unknown = await terrane.run(['get', 'pood']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringMatching(/there is no kind pood\n.*configmaps.*pods/) });
    expect(await terrane.run(['get', 'pods'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'nothing found in namespace default\n',
    });
  });

  test('-w shows what is there and then each change, and goes on when the server ends the watch', async () => {
    const shown = (count: number) => {
      let resolve: () => void;
      const reached = new Promise<void>((r) => (resolve = r));
      return { reached, check: (text: string) => void (text.split('\n').length > count && resolve()) };
    };
    const [listed, changed] = [shown(2), shown(3)];
    const seen = (text: string) => [listed, changed].forEach(({ check }) => check(text));
    const following = terrane.run(['get', 'deploy', '-w'], { seen });
    await listed.reached;
    await terrane.kube.json('PATCH', `${DEPLOYMENTS}/web`, { spec: { replicas: 7 } });
    await changed.reached;
    // The server goes away: the only end, short of Ctrl-C.
    await terrane.stop();
    const { code, stdout, stderr } = await following;
    expect(stdout).toMatch(/^NAME .*\nweb +0\/2 .*\nweb +0\/7 .*\n$/);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no control plane answers') });
    terrane = await testTerrane();
  });

  test('colour only on a terminal and not under NO_COLOR', async () => {
    const escapes = (text: string) => text.includes('\u001b[');
    expect(escapes(await terrane.must(['status'], { terminal: true }))).toBe(true);
    expect(escapes(await terrane.must(['status'], { terminal: true, env: { NO_COLOR: '1' } }))).toBe(false);
    expect(escapes(await terrane.must(['status']))).toBe(false);
  });
});

describe('delete', () => {
  test('by name, by label, by file', async () => {
    await apply(
      `${configMap('a')}---\n${configMap('b')}---\n${configMap('c').replace('{ name: c }', '{ name: c, labels: { x: z } }')}`,
    );
    expect(await terrane.must(['delete', 'configmap', 'a'])).toBe('configmap/a deleted\n');
    expect(await terrane.must(['delete', 'configmap', '-l', 'x=z'])).toBe('configmap/c deleted\n');
    await writeFile(path('b.yaml'), configMap('b'));
    expect(JSON.parse(await terrane.must(['delete', '-f', path('b.yaml'), '--json']))).toEqual({
      deleted: [{ kind: 'ConfigMap', namespace: 'default', name: 'b' }],
    });
    expect(await names('configmaps')).toEqual([]);
  });

  test('what is not there is an error, unless that is fine', async () => {
    expect((await terrane.run(['delete', 'configmap', 'no'])).code).toBe(1);
    expect((await terrane.run(['delete', 'configmap', 'no', '--ignore-not-found'])).code).toBe(0);
  });

  test('--all asks; no terminal and no --yes is no', async () => {
    await apply(configMap('a'));
    expect(await terrane.run(['delete', 'configmap', '--all'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect(await terrane.run(['delete', 'configmap', '--all'], { answers: ['n'] })).toMatchObject({ code: 2 });
    expect(await names('configmaps')).toEqual(['configmap/a']);
    await terrane.must(['delete', 'configmap', '--all', '--yes']);
    expect(await names('configmaps')).toEqual([]);
  });

  test('says nothing is named rather than deleting everything', async () => {
    expect((await terrane.run(['delete', 'configmap'])).code).toBe(2);
    expect((await terrane.run(['delete'])).code).toBe(2);
  });
});

test('scale sets the replicas, and says so', async () => {
  await apply(WEB);
  expect(await terrane.must(['scale', 'deployment/web', '--replicas', '3'])).toBe('deployment.apps/web scaled to 3\n');
  expect((await deployment()).spec.replicas).toBe(3);
  expect((await terrane.run(['scale', 'deployment', 'web', '--replicas', 'three'])).code).toBe(2);
});

describe('logs', () => {
  beforeEach(async () => {
    const spec = {
      nodeName: 'n1',
      containers: [
        { name: 'a', image: 'a' },
        { name: 'b', image: 'b' },
      ],
    };
    await terrane.kube.json('POST', PODS, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'two' }, spec });
    await terrane.kube.json('POST', PODS, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'one' },
      spec: { ...spec, containers: [spec.containers[0]] },
    });
    terrane.kube.answerLogs({ ok: true, body: new Blob(['first\nsecond\n']).stream() as ReadableStream<Uint8Array> });
  });

  test('of one container come as they are', async () => {
    expect(await terrane.must(['logs', 'one', '--tail', '5', '--since', '1h30m', '-p'])).toBe('first\nsecond\n');
    expect(terrane.kube.asked[0]).toMatchObject({
      node: 'n1',
      request: { container: 'a', tailLines: 5, sinceSeconds: 5400, previous: true },
    });
  });

  test('with --json a line is an object', async () => {
    const text = await terrane.must(['logs', 'one', '--json']);
    expect(JSON.parse(text.split('\n')[0]!)).toEqual({ namespace: 'default', pod: 'one', container: 'a', line: 'first' });
  });

  test('one container of several is chosen with -c; a wrong name lists them', async () => {
    expect(await terrane.must(['logs', 'two', '-c', 'b'])).toBe('first\nsecond\n');
    expect((await terrane.run(['logs', 'two', '-c', 'c'])).stderr).toContain('It has: a, b');
  });

  test('what the host says is wrong is said', async () => {
    terrane.kube.answerLogs({ ok: false, status: 503, message: 'node n1 is not connected' });
    expect(await terrane.run(['logs', 'one'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('node n1 is not connected'),
    });
  });
});

test('describe shows what was asked for, how it stands and what happened, but not what is in a Secret', async () => {
  await apply(WEB);
  const { metadata } = await deployment();
  const event = {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'web.1' },
    involvedObject: { kind: 'Deployment', name: 'web', namespace: 'default', uid: metadata.uid },
    type: 'Warning',
    reason: 'FailedCreate',
    message: 'quota is used up',
    count: 3,
    firstTimestamp: metadata.creationTimestamp,
    lastTimestamp: metadata.creationTimestamp,
  };
  await terrane.kube.json('POST', '/api/v1/namespaces/default/events', event);
  const text = await terrane.must(['describe', 'deployment', 'web']);
  expect(text).toMatch(/^Name: +web\nNamespace: +default\n/);
  expect(text).toMatch(/image: web:1/);
  expect(text).toMatch(/Warning +FailedCreate +90s \(x3 over 90s\) +- +quota is used up/);
  expect(text).not.toContain(LAST_APPLIED);
  expect(JSON.parse(await terrane.must(['describe', 'deployment/web', '--json']))).toMatchObject({
    object: { kind: 'Deployment' },
    events: [{ reason: 'FailedCreate' }],
  });

  await apply('apiVersion: v1\nkind: Secret\nmetadata: { name: s }\nstringData: { password: hunter2 }\n');
  const secret = await terrane.must(['describe', 'secret', 's']);
  expect(secret).toContain('password: 7 bytes');
  expect(secret).not.toContain(Buffer.from('hunter2').toString('base64'));
});
