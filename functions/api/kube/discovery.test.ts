import { beforeEach, describe, expect, test } from '@jest/globals';
import { kinds } from '../../../core/resources/kinds/index.ts';
import { type KubeHarness, kubeHarness } from './testing/harness.ts';

const AGGREGATED = (version: string) => ({
  accept: `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList,application/json`,
});

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
});

describe('discovery', () => {
  test('lists the groups and, in them, every kind with its sub-resources', async () => {
    expect(await kube.json('GET', '/api')).toMatchObject({ kind: 'APIVersions', versions: ['v1'] });
    const groups = await kube.json<{ groups: { name: string }[] }>('GET', '/apis');
    expect(groups.groups.map(({ name }) => name)).toEqual([
      'apps',
      'authorization.k8s.io',
      'discovery.k8s.io',
      'networking.k8s.io',
      'policy',
      'scheduling.k8s.io',
      'terrane.dev',
    ]);
    const named: string[] = [];
    const served = kinds.map(({ group, version }) => (group ? `/apis/${group}/${version}` : `/api/${version}`));
    for (const path of new Set(served)) {
      const { resources } = await kube.json<{ resources: { name: string; kind: string }[] }>('GET', path);
      named.push(...resources.filter(({ name }) => !name.includes('/')).map(({ kind }) => kind));
      if (path === '/api/v1')
        expect(resources).toContainEqual(expect.objectContaining({ name: 'pods/eviction', group: 'policy', kind: 'Eviction' }));
      if (path === '/apis/apps/v1')
        expect(resources).toContainEqual(
          expect.objectContaining({ name: 'deployments/scale', group: 'autoscaling', kind: 'Scale' }),
        );
    }
    expect(named.sort()).toEqual(kinds.map(({ kind }) => kind).sort());
  });

  test.each(['v2', 'v2beta1'])('answers aggregated discovery in exactly the version asked for (%s)', async (version) => {
    const response = await kube.request('GET', '/apis', undefined, AGGREGATED(version));
    expect(response.headers.get('content-type')).toBe(
      `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
    );
    const body = (await response.json()) as { apiVersion: string; items: { versions: { resources: unknown[] }[] }[] };
    expect(body.apiVersion).toBe(`apidiscovery.k8s.io/${version}`);
    expect(body.items[0]!.versions[0]!.resources).toContainEqual(
      expect.objectContaining({ resource: 'deployments', shortNames: ['deploy'], categories: ['all'], scope: 'Namespaced' }),
    );
  });

  test('answers plain discovery to a version of aggregation it does not have', async () => {
    expect(await kube.json('GET', '/apis', undefined, AGGREGATED('v3'))).toMatchObject({ kind: 'APIGroupList' });
  });

  test('lets clients keep the answer, and answers 304 to who has it', async () => {
    const first = await kube.request('GET', '/apis', undefined, AGGREGATED('v2'));
    expect(first.headers.get('cache-control')).toBe('private, max-age=300');
    const again = await kube.request('GET', '/apis', undefined, {
      ...AGGREGATED('v2'),
      'if-none-match': first.headers.get('etag')!,
    });
    expect([again.status, await again.text()]).toEqual([304, '']);
    const other = await kube.request('GET', '/apis', undefined, { 'if-none-match': first.headers.get('etag')! });
    expect(other.status).toBe(200);
  });

  test('points to OpenAPI documents under the path it is served at', async () => {
    const index = await kube.json<{ paths: Record<string, { serverRelativeURL: string }> }>('GET', '/openapi/v3');
    expect(index.paths['apis/apps/v1']!.serverRelativeURL).toBe('/clusters/x/openapi/v3/apis/apps/v1');
    for (const { serverRelativeURL } of Object.values(index.paths))
      expect((await kube.app.request(serverRelativeURL)).status).toBe(200);
  });

  test('describes every kind with what kubectl looks for: merge keys, and that writes validate fields and know dry runs', async () => {
    const document = await kube.json<{
      paths: Record<string, { patch?: { parameters: { name: string }[] } }>;
      components: { schemas: Record<string, unknown> };
    }>('GET', '/openapi/v3/apis/apps/v1');
    const item = document.paths['/apis/apps/v1/namespaces/{namespace}/deployments/{name}']!;
    expect(item.patch).toMatchObject({ 'x-kubernetes-group-version-kind': { group: 'apps', version: 'v1', kind: 'Deployment' } });
    expect(item.patch!.parameters.map(({ name }) => name)).toEqual(expect.arrayContaining(['dryRun', 'fieldValidation']));
    expect(document.components.schemas['dev.terrane.apps.v1.Deployment']).toMatchObject({
      'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Deployment' }],
      properties: {
        spec: {
          properties: {
            replicas: { type: 'integer' },
            template: {
              properties: { spec: { properties: { containers: { type: 'array', 'x-kubernetes-patch-merge-key': 'name' } } } },
            },
          },
        },
      },
    });
  });

  test('answers OpenAPI v2 with nothing, in a type that old kubectl can parse', async () => {
    const response = await kube.request('GET', '/openapi/v2');
    expect([response.status, await response.text(), response.headers.get('content-type')?.includes('@')]).toEqual([
      200,
      '',
      false,
    ]);
  });

  test.each([
    ['GET', '/nope', 404],
    ['GET', '/apis/nope.example.com', 404],
    ['GET', '/apis/apps/v9', 404],
    ['GET', '/apis/apps/v9/deployments', 404],
    ['GET', '/api/v1/gizmos', 404],
    ['GET', '/api/v1/pods/a', 404],
    ['GET', '/api/v1/namespaces/default/nodes', 404],
    ['GET', '/api/v1/namespaces/default/pods/a/b/c', 404],
    ['GET', '/api/v1/namespaces//pods', 404],
    ['POST', '/api/v1/namespaces/default/pods/a', 405],
    ['DELETE', '/apis/apps/v1', 405],
  ])('%s %s is refused with a Status', async (method, path, code) => {
    expect((await kube.refused(method, path)).code).toBe(code);
    expect(kube.errors).toEqual([]);
  });
});
