import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { createResource, deleteResource, getResource } from '../../../core/resources/write.ts';
import { findKubectls } from './kubectls.ts';
import { configMap, deployment, pod } from './manifests.ts';
import { type ServedCluster, serveCluster } from './served-cluster.ts';

jest.setTimeout(120_000);
const kubectls = await findKubectls();

describe.each(kubectls)('kubectl $version writes', (kubectl) => {
  const old = kubectl.version === '1.20';
  let cluster: ServedCluster;
  beforeAll(async () => {
    cluster = await serveCluster(kubectl);
  });
  afterAll(() => cluster.stop());
  const revision = () => cluster.keyspace.view().revision;
  const stored = (name: string) => getResource(cluster.keyspace.view(), 'Deployment', 'default', name)!;

  test('apply creates, changes nothing when nothing changed, and updates what did', async () => {
    const file = await cluster.file('apply.json', deployment('applied'));
    expect(await cluster.ok('apply', '-f', file)).toBe('deployment.apps/applied created\n');
    const before = revision();
    expect(await cluster.ok('apply', '-f', file)).toBe('deployment.apps/applied unchanged\n');
    expect(revision()).toBe(before);
    // A quantity in another spelling is sent, but it is the same quantity.
    await cluster.ok(
      'patch',
      'deployment',
      'applied',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"web","resources":{"requests":{"cpu":0.5}}}]}}}}',
    );
    expect(revision()).toBe(before);
    const next = deployment('applied', 'web:2', { replicas: 3 });
    Object.assign(next.spec.template.spec.containers[0]!, { ports: [{ containerPort: 8080 }], env: [{ name: 'A', value: '1' }] });
    await cluster.file('apply.json', next);
    expect(await cluster.ok('apply', '-f', file)).toBe('deployment.apps/applied configured\n');
    const [container] = stored('applied').spec.template.spec.containers;
    expect(container).toMatchObject({
      image: 'web:2',
      ports: [{ containerPort: 8080, protocol: 'TCP' }],
      env: [{ name: 'A', value: '1' }],
    });
    await cluster.file('apply.json', deployment('applied', 'web:2', { strategy: { type: 'Recreate' } }));
    await cluster.ok('apply', '-f', file);
    expect(stored('applied').spec).toMatchObject({ replicas: 2, strategy: { type: 'Recreate' } });
    expect(stored('applied').spec.template.spec.containers[0]!.env).toBeUndefined();
  });

  test('create, from a file and by the short forms', async () => {
    const file = await cluster.file(
      'create.yaml',
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-file}\ndata: {a: "1"}\n---\n${JSON.stringify(pod('from-file'))}\n`,
    );
    expect(await cluster.ok('create', '-f', file)).toBe('configmap/from-file created\npod/from-file created\n');
    expect(await cluster.fails('create', '-f', file)).toContain('configmaps "from-file" already exists');
    expect(await cluster.ok('create', 'namespace', 'team')).toBe('namespace/team created\n');
    expect(await cluster.ok('create', 'configmap', 'short', '--from-literal=a=1', '-n', 'team')).toBe(
      'configmap/short created\n',
    );
    expect(await cluster.ok('create', 'secret', 'generic', 'short', '--from-literal=a=hunter2')).toBe('secret/short created\n');
    expect(await cluster.ok('get', 'secret', 'short', '-o', 'jsonpath={.data.a}')).toBe(
      Buffer.from('hunter2').toString('base64'),
    );
    expect(await cluster.ok('create', 'deployment', 'short', '--image=web:1', '--replicas=0')).toBe(
      'deployment.apps/short created\n',
    );
    expect(stored('short').spec.replicas).toBe(0);
    expect(await cluster.ok('create', 'service', 'clusterip', 'short', '--tcp=80:8080')).toBe('service/short created\n');
    expect(await cluster.ok('run', 'short', '--image=web:1')).toBe('pod/short created\n');
    expect(await cluster.ok('expose', 'deployment', 'short', '--port=80', '--name=exposed')).toBe('service/exposed exposed\n');
  });

  test('scale, label, annotate, set image', async () => {
    await cluster.ok('create', '-f', await cluster.file('edit.json', deployment('edited')));
    expect(await cluster.ok('scale', 'deployment', 'edited', '--replicas=5')).toBe('deployment.apps/edited scaled\n');
    await cluster.ok('scale', 'deployment', 'edited', '--replicas=4', '--current-replicas=5');
    expect(await cluster.fails('scale', 'deployment', 'edited', '--replicas=9', '--current-replicas=1')).toContain(
      'Expected replicas to be 1, was 4',
    );
    await cluster.ok('label', 'deployment', 'edited', 'tier=front', 'app-');
    await cluster.ok('annotate', 'deployment', 'edited', 'note=hello');
    await cluster.ok('set', 'image', 'deployment/edited', 'web=web:7');
    await cluster.ok('set', 'env', 'deployment/edited', 'MODE=fast');
    await cluster.ok('set', 'resources', 'deployment/edited', '--limits=memory=128Mi');
    const { metadata, spec } = stored('edited');
    expect(metadata).toMatchObject({ labels: { tier: 'front' }, annotations: { note: 'hello' } });
    expect(metadata.labels).not.toHaveProperty('app');
    expect(spec.replicas).toBe(4);
    expect(spec.template.spec.containers).toEqual([
      expect.objectContaining({
        image: 'web:7',
        env: [{ name: 'MODE', value: 'fast' }],
        resources: { limits: { memory: '128Mi' }, requests: { cpu: '500m', memory: '64Mi' } },
      }),
    ]);
  });

  test('patch, in three ways', async () => {
    await cluster.ok('create', '-f', await cluster.file('patch.json', deployment('patched')));
    await cluster.ok(
      'patch',
      'deployment',
      'patched',
      '-p',
      '{"spec":{"template":{"spec":{"containers":[{"name":"web","image":"web:2"}]}}}}',
    );
    expect(stored('patched').spec.template.spec.containers[0]).toMatchObject({ image: 'web:2', ports: [{ containerPort: 80 }] });
    await cluster.ok(
      'patch',
      'deployment',
      'patched',
      '--type=merge',
      '-p',
      '{"metadata":{"labels":{"app":null}},"spec":{"replicas":6}}',
    );
    await cluster.ok(
      'patch',
      'deployment',
      'patched',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/paused","value":true},{"op":"test","path":"/spec/replicas","value":6}]'.replace(
        'replace',
        'add',
      ),
    );
    expect(stored('patched')).toMatchObject({ spec: { replicas: 6, paused: true } });
    expect(
      await cluster.fails(
        'patch',
        'deployment',
        'patched',
        '--type=json',
        '-p',
        '[{"op":"test","path":"/spec/replicas","value":7}]',
      ),
    ).toMatch(/rejected|invalid/i);
  });

  test('replace and edit; a stale copy is refused', async () => {
    await cluster.ok('create', '-f', await cluster.file('cm.json', configMap('replaced', { a: '1' })));
    const copy = await cluster.file('copy.json', await cluster.ok('get', 'cm', 'replaced', '-o', 'json'));
    await cluster.ok('patch', 'cm', 'replaced', '-p', '{"data":{"a":"2"}}');
    expect(await cluster.fails('replace', '-f', copy)).toContain('the object has been modified');
    await cluster.ok('replace', '-f', await cluster.file('cm.json', configMap('replaced', { a: '3' })));
    const edited = await cluster.kubectlWith({ env: { KUBE_EDITOR: 'sed -i \'s/a: "3"/a: "4"/\'' } }, 'edit', 'cm', 'replaced');
    expect([edited.stdout, edited.code]).toEqual(['configmap/replaced edited\n', 0]);
    expect(await cluster.ok('get', 'cm', 'replaced', '-o', 'jsonpath={.data.a}')).toBe('4');
  });

  test('delete, one, several, by label, by file, and a namespace with what is in it', async () => {
    for (const name of ['d1', 'd2', 'd3', 'd4'])
      await cluster.ok(
        'create',
        '-f',
        await cluster.file(`${name}.json`, configMap(name, {}, { group: name < 'd3' ? 'low' : 'high' })),
      );
    expect(await cluster.ok('delete', 'cm', '-l', 'group=low')).toMatch(/^configmap "d1" deleted.*\nconfigmap "d2" deleted/);
    expect(await cluster.ok('delete', 'cm/d3')).toMatch(/^configmap "d3" deleted/);
    expect(await cluster.ok('delete', '-f', `${cluster.directory}/d4.json`)).toMatch(/^configmap "d4" deleted/);
    expect(await cluster.fails('delete', 'cm', 'd4')).toContain('configmaps "d4" not found');
    expect(await cluster.ok('delete', 'cm', 'd4', '--ignore-not-found')).toBe('');
    await cluster.ok('create', 'namespace', 'doomed');
    await cluster.ok('create', 'configmap', 'inside', '-n', 'doomed');
    expect(await cluster.ok('delete', 'namespace', 'doomed')).toMatch(/^namespace "doomed" deleted/);
    expect(await cluster.fails('get', 'namespace', 'doomed')).toContain('not found');
    expect(await cluster.fails('delete', 'namespace', 'kube-system')).toContain('this namespace may not be deleted');
  });

  test('delete waits for a pod until its host has stopped it, and --force does not', async () => {
    const onNode = (name: string) => createPod(name, { nodeName: 'n1' });
    const createPod = async (name: string, spec: object) =>
      cluster.commit((txn) =>
        createResource(txn, 'Pod', { ...pod(name, spec), metadata: { name, namespace: 'default' } }, cluster.ctx),
      );
    await onNode('slow');
    await onNode('forced');
    const deletion = cluster.ok('delete', 'pod', 'slow', '--timeout=50s');
    const isDeleting = () =>
      getResource(cluster.keyspace.view(), 'Pod', 'default', 'slow')?.metadata.deletionTimestamp !== undefined;
    await untilTrue(isDeleting, cluster);
    await cluster.commit((txn) => deleteResource(txn, 'Pod', 'default', 'slow', { gracePeriodSeconds: 0 }, cluster.ctx));
    expect(await deletion).toMatch(/^pod "slow" deleted/);
    expect(await cluster.ok('delete', 'pod', 'forced', '--force', '--grace-period=0')).toContain('"forced"');
  });

  test('cordon, taint, drain and uncordon a node', async () => {
    await cluster.commit((txn) => {
      createResource(txn, 'Node', { metadata: { name: 'node-1' } }, cluster.ctx);
      const ended = createResource(
        txn,
        'Pod',
        { ...pod('drained', {}), metadata: { name: 'drained', namespace: 'default' } },
        cluster.ctx,
      );
      expect(ended.spec.nodeName).toBeUndefined();
    });
    await cluster.ok('cordon', 'node-1');
    expect(await cluster.ok('get', 'node', 'node-1')).toContain('SchedulingDisabled');
    await cluster.ok('taint', 'node', 'node-1', 'key=value:NoSchedule');
    await cluster.ok('taint', 'node', 'node-1', 'key-');
    await cluster.ok('drain', 'node-1', '--ignore-daemonsets');
    await cluster.ok('uncordon', 'node-1');
    expect(getResource(cluster.keyspace.view(), 'Node', '', 'node-1')!.spec).toEqual({});
  });

  test('affinity, spread, priority and disruption budgets', async () => {
    const labels = { app: 'spread' };
    const spec = {
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', operator: 'In', values: ['ssd'] }] }],
          },
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 5, podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: labels } } },
          ],
        },
      },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: 'zone', whenUnsatisfiable: 'DoNotSchedule', labelSelector: { matchLabels: labels } },
      ],
    };
    const given = deployment('spread');
    Object.assign(given.spec.template.spec, spec);
    const file = await cluster.file('spread.json', given);
    expect(await cluster.ok('apply', '-f', file)).toBe('deployment.apps/spread created\n');
    expect(await cluster.ok('apply', '-f', file)).toBe('deployment.apps/spread unchanged\n');
    expect(stored('spread').spec.template.spec).toMatchObject(spec);
    const wrong = structuredClone(given);
    Object.assign(wrong.spec.template.spec, {
      topologySpreadConstraints: [{ ...spec.topologySpreadConstraints[0], topologyKey: '' }],
    });
    expect(await cluster.fails('apply', '-f', await cluster.file('wrong.json', wrong))).toContain(
      'spec.template.spec.topologySpreadConstraints[0].topologyKey: Required value',
    );
    await cluster.ok('create', 'priorityclass', 'high', '--value=1000', '--description=first');
    expect(await cluster.ok('get', 'pc')).toMatch(/high +1000 +false/);
    expect(await cluster.fails('create', 'priorityclass', 'huge', '--value=2000000000')).toContain('maximum allowed value');
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'keep' },
      spec: { minAvailable: '50%', selector: { matchLabels: labels } },
    };
    if (old) await cluster.ok('apply', '-f', await cluster.file('budget.json', budget));
    else await cluster.ok('create', 'pdb', 'keep', '--selector=app=spread', '--min-available=50%');
    expect(await cluster.ok('get', 'pdb')).toMatch(/keep +50% +N\/A +0/);
    expect(getResource(cluster.keyspace.view(), 'PodDisruptionBudget', 'default', 'keep')!.spec).toEqual(budget.spec);
    await cluster.ok('delete', 'pdb/keep', 'pc/high', 'deployment/spread');
  });

  test('dry runs and diffs change nothing', async () => {
    await cluster.ok('apply', '-f', await cluster.file('dry.json', deployment('dry')));
    const changed = await cluster.file('dry.json', deployment('dry', 'web:9'));
    const before = revision();
    expect(await cluster.ok('apply', '-f', changed, '--dry-run=client')).toContain('(dry run)');
    const dry = await cluster.kubectl('apply', '-f', changed, '--dry-run=server');
    const diff = await cluster.kubectl('diff', '-f', changed);
    if (old) {
      // It looks for dry-run support in OpenAPI v2, which is served empty.
      expect([dry.code, diff.code]).toEqual([1, 2]);
    } else {
      expect(dry.stdout).toBe('deployment.apps/dry configured (server dry run)\n');
      expect([diff.code, diff.stdout]).toEqual([1, expect.stringMatching(/^-\s+- image: web:1\n\+\s+- image: web:9$/m)]);
    }
    expect(revision()).toBe(before);
  });

  test('bad input is refused with the reason, and nothing half done', async () => {
    const before = revision();
    const refusal = async (content: unknown) => cluster.fails('apply', '-f', await cluster.file('bad.yaml', content));
    expect(await refusal('apiVersion: v1\nkind: [Pod\n')).toMatch(/yaml|parse/i);
    expect(await refusal({ apiVersion: 'v1', kind: 'Gizmo', metadata: { name: 'a' } })).toContain('no matches for kind "Gizmo"');
    expect(await refusal(deployment('bad', 'web:1', { replcas: 2 }))).toContain('unknown field "spec.replcas"');
    expect(await refusal(deployment('bad', 'web:1', { replicas: 'two' }))).toMatch(
      /spec\.replicas: expected (number|int), got string/,
    );
    expect(await refusal(deployment('b'.repeat(254)))).toContain('must be no more than 253 characters');
    expect(await refusal(deployment('bad', 'web:1', { selector: { matchLabels: { app: 'other' } } }))).toContain(
      '`selector` does not match template `labels`',
    );
    const large = await cluster.file('large.json', configMap('bad', { a: 'x'.repeat(1_100_000) }));
    expect(await cluster.fails('create', '-f', large)).toContain('Too long: may not be more than 1048576 bytes');
    const huge = await cluster.file('huge.json', configMap('bad', { a: 'x'.repeat(1_700_000) }));
    expect(await cluster.fails('create', '-f', huge)).toContain('the body of the request is too large');
    expect(await cluster.fails('apply', '--server-side', '-f', await cluster.file('a.json', configMap('bad', {})))).toContain(
      'server-side apply is not supported yet',
    );
    expect(revision()).toBe(before);
    expect(cluster.errors).toEqual([]);
  });

  (old ? test.skip : test)('unknown fields can be dropped with a warning', async () => {
    const file = await cluster.file('warn.json', deployment('warned', 'web:1', { replcas: 2 }));
    const { stdout, stderr, code } = await cluster.kubectl('apply', '--validate=warn', '-f', file);
    expect([code, stdout]).toEqual([0, 'deployment.apps/warned created\n']);
    expect(stderr).toContain('Warning: unknown field "spec.replcas" was dropped');
  });
});

/** Waits for the log, not for time: looks again after each commit. */
async function untilTrue(condition: () => boolean, cluster: ServedCluster): Promise<void> {
  const done = new AbortController();
  const changes = cluster.keyspace.watch({ from: '/', to: '0' }, cluster.keyspace.view().revision, done.signal);
  while (!condition()) await changes.next();
  done.abort();
}
