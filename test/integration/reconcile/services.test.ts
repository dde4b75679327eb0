import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { findKubectls } from '../kubectl/kubectls.ts';
import { deployment } from '../kubectl/manifests.ts';
import { type ServedCluster, serveCluster } from '../kubectl/served-cluster.ts';
import { bringToLife, type LivingCluster } from './living-cluster.ts';

jest.setTimeout(120_000);
const all = await findKubectls();
const kubectls = all.length > 2 ? [all[0]!, all.at(-1)!] : all;

describe.each(kubectls)('with kubectl $version', (kubectl) => {
  let cluster: ServedCluster;
  let living: LivingCluster;
  beforeAll(async () => {
    cluster = await serveCluster(kubectl);
    living = bringToLife(cluster, 2);
    await cluster.ok('apply', '-f', await cluster.file('web.json', deployment('web', 'web:1')));
    await cluster.ok('rollout', 'status', 'deployment/web', '--timeout=60s');
  });
  afterAll(async () => {
    await living.stop();
    await cluster.stop();
  });

  test('a Deployment that is exposed has an address and the endpoints of its pods', async () => {
    expect(await cluster.ok('expose', 'deployment', 'web', '--port=80', '--target-port=8080')).toBe('service/web exposed\n');
    expect(await cluster.ok('get', 'service', 'web')).toMatch(/web +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP/);
    await eventually('both pods are endpoints', async () =>
      expect(await cluster.ok('get', 'endpointslices', '-l', 'kubernetes.io/service-name=web')).toMatch(
        /web-[a-z0-9]{5} +IPv4 +8080 +[\d.]+,[\d.]+ /,
      ),
    );
    expect(await cluster.ok('describe', 'service', 'web')).toMatch(/IP: +10\.96\./);
    // 1.20 asks for v1beta1 of them.
    if (kubectl.version !== '1.20') expect(await cluster.ok('describe', 'endpointslices')).toMatch(/Ready: +true/);
    await cluster.ok('scale', 'deployment/web', '--replicas=1');
    await eventually('one is left', async () =>
      expect(await cluster.ok('get', 'endpointslices', '-o', 'jsonpath={.items[*].endpoints[*].addresses[0]}')).toMatch(
        /^[\d.]+$/,
      ),
    );
  });

  test('Services of each type are made by their short forms, and what is taken is refused', async () => {
    await cluster.ok('create', 'service', 'nodeport', 'door', '--tcp=80:8080', '--node-port=30080');
    expect(await cluster.ok('get', 'svc', 'door')).toMatch(/door +NodePort +10\.96\.\S+ +<none> +80:30080\/TCP/);
    expect(await cluster.fails('create', 'service', 'nodeport', 'other', '--tcp=80:8080', '--node-port=30080')).toContain(
      'spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    );
    const address = await cluster.ok('get', 'svc', 'door', '-o', 'jsonpath={.spec.clusterIP}');
    expect(await cluster.fails('create', 'service', 'clusterip', 'other', '--tcp=80', `--clusterip=${address}`)).toContain(
      `failed to allocate IP ${address}: provided IP is already allocated`,
    );
    await cluster.ok('create', 'service', 'clusterip', 'headless', '--clusterip=None');
    expect(await cluster.ok('get', 'svc', 'headless')).toMatch(/headless +ClusterIP +None/);
    await cluster.ok('create', 'service', 'externalname', 'away', '--external-name=example.com');
    expect(await cluster.ok('get', 'svc', 'away')).toMatch(/away +ExternalName +<none> +example\.com/);
  });

  test('a Service is applied again, patched and changed in its type', async () => {
    const manifest = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 's' },
      spec: { selector: { app: 'web' }, ports: [{ port: 80 }] },
    };
    const file = await cluster.file('service.json', manifest);
    await cluster.ok('apply', '-f', file);
    expect(await cluster.ok('apply', '-f', file)).toBe('service/s unchanged\n');
    await cluster.ok('patch', 'service', 's', '-p', '{"spec":{"type":"NodePort"}}');
    expect(await cluster.ok('get', 'svc', 's', '-o', 'jsonpath={.spec.ports[0].nodePort}')).toMatch(/^3\d{4}$/);
    await cluster.ok('replace', '-f', file);
    expect(await cluster.ok('get', 'svc', 's', '-o', 'jsonpath={.spec.type} {.spec.ports[0].nodePort}')).toBe('ClusterIP ');
  });

  test('a NetworkPolicy is applied, shown and described', async () => {
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'web' },
      spec: {
        podSelector: { matchLabels: { app: 'web' } },
        ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'a' } } }], ports: [{ protocol: 'TCP', port: 8080 }] }],
      },
    };
    const file = await cluster.file('policy.json', policy);
    expect(await cluster.ok('apply', '-f', file)).toBe('networkpolicy.networking.k8s.io/web created\n');
    expect(await cluster.ok('apply', '-f', file)).toBe('networkpolicy.networking.k8s.io/web unchanged\n');
    expect(await cluster.ok('get', 'netpol')).toMatch(/web +app=web +/);
    expect(await cluster.ok('describe', 'netpol', 'web')).toContain('To Port: 8080/TCP');
    const node = living.state().list('Pod')[0]!.spec.nodeName!;
    expect(living.assignment(node)?.policies?.pods).toHaveLength(living.state().podsOn(node).length);
  });
});
