import { beforeEach, describe, expect, test } from '@jest/globals';
import { deployment, pod } from '../../../../core/resources/testing/fixtures.ts';
import { CONFIG_MAPS, DEPLOYMENTS, type KubeHarness, kubeHarness, PODS } from '../testing/harness.ts';

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
});

const MISSPELT = { ...deployment('web', { replcas: 2 }), metadata: { name: 'web', namspace: 'x' } };

describe('POST', () => {
  test('stores the object, answers 201 with it and tells the audit log', async () => {
    const response = await kube.request('POST', DEPLOYMENTS, deployment('web'));
    expect(response.status).toBe(201);
    const made = (await response.json()) as { metadata: { resourceVersion: string } };
    expect(await kube.json('GET', `${DEPLOYMENTS}/web`)).toEqual(made);
    expect(kube.writes).toEqual([
      expect.objectContaining({
        verb: 'create',
        kind: 'Deployment',
        namespace: 'default',
        name: 'web',
        revision: Number(made.metadata.resourceVersion),
      }),
    ]);
  });

  test('takes kind, version and namespace from the URL when the body leaves them out, and YAML as well as JSON', async () => {
    const yaml = 'metadata:\n  name: c\ndata:\n  answer: "42"\n';
    const made = await kube.json('POST', CONFIG_MAPS, yaml, { 'content-type': 'application/yaml' });
    expect(made).toMatchObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', namespace: 'default' },
      data: { answer: '42' },
    });
  });

  test('stores nothing on a dry run, but says all it would say', async () => {
    const made = await kube.json('POST', `${DEPLOYMENTS}?dryRun=All`, deployment('web'));
    expect(made).toMatchObject({ spec: { replicas: 1 } });
    expect((await kube.refused('GET', `${DEPLOYMENTS}/web`)).code).toBe(404);
    expect(kube.writes).toEqual([]);
    expect((await kube.refused('POST', `${DEPLOYMENTS}?dryRun=All`, deployment('BAD'))).code).toBe(422);
  });

  test.each(['', '?fieldValidation=Strict'])('refuses unknown fields, naming each (%s)', async (query) => {
    const status = await kube.refused('POST', DEPLOYMENTS + query, MISSPELT);
    expect(status.code).toBe(400);
    expect(status.message).toContain('strict decoding error: unknown field "metadata.namspace", unknown field "spec.replcas"');
    expect(kube.writes).toEqual([]);
  });

  test.each(['Warn', 'Ignore'])('drops unknown fields when told to (%s), and names them in warnings', async (mode) => {
    const response = await kube.request('POST', `${DEPLOYMENTS}?fieldValidation=${mode}`, MISSPELT);
    expect(response.status).toBe(201);
    expect(await response.json()).not.toHaveProperty('spec.replcas');
    expect(response.headers.get('warning')).toContain('299 - "unknown field \\"spec.replcas\\" was dropped"');
    expect(response.headers.get('warning')).toContain('metadata.namspace');
  });

  test('warns of what it keeps and does not act on', async () => {
    const response = await kube.request('POST', PODS, pod('a', { ...pod('a').spec, serviceAccountName: 'robot' }));
    expect(response.headers.get('warning')).toBe('299 - "spec.serviceAccountName has no effect: pods get no token"');
    expect((await kube.request('POST', PODS, pod('b'))).headers.get('warning')).toBeNull();
    const again = await kube.request('PATCH', `${PODS}/a`, { metadata: { labels: { a: 'b' } } });
    expect([again.status, again.headers.get('warning')]).toEqual([200, null]);
  });

  test('names an unknown field inside a list by its place', async () => {
    const status = await kube.refused(
      'POST',
      PODS,
      pod('a', { containers: [{ name: 'web', image: 'i', ports: [{ containerPort: 1, hostprot: 2 }] }] }),
    );
    expect(status.message).toContain('unknown field "spec.containers[0].ports[0].hostprot"');
  });

  test('accepts what kubectl writes for nothing: nulls and an empty status', async () => {
    const object = { ...pod('a'), status: {} };
    Object.assign(object.metadata, { creationTimestamp: null });
    expect((await kube.request('POST', PODS, object)).status).toBe(201);
  });

  test.each([
    [
      'another kind',
      { kind: 'Pod', metadata: { name: 'a' } },
      400,
      'the kind in the data (Pod) does not match the expected kind (ConfigMap)',
    ],
    [
      'another version',
      { apiVersion: 'v2', metadata: { name: 'a' } },
      400,
      'the API version in the data (v2) does not match the expected API version (v1)',
    ],
    [
      'another namespace',
      { metadata: { name: 'a', namespace: 'other' } },
      400,
      'does not match the namespace sent on the request',
    ],
    ['a list', [], 400, 'the body must be one object'],
    ['a wrong type', { metadata: { name: 'a' }, data: { a: 1 } }, 400, 'data.a: expected string, got number'],
    ['malformed JSON', '{"metadata":', 400, "the body can't be read as JSON"],
    ['nothing', '', 400, "the body can't be read as JSON"],
    ['nesting without end', `{"metadata":${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}}`, 400, ''],
  ])('refuses %s', async (_what, body, code, message) => {
    const status = await kube.refused('POST', CONFIG_MAPS, body);
    expect(status).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(kube.errors).toEqual([]);
  });

  test('refuses malformed YAML', async () => {
    const status = await kube.refused('POST', CONFIG_MAPS, 'metadata: {name: a', { 'content-type': 'application/yaml' });
    expect(status).toMatchObject({ code: 400, message: expect.stringContaining("the body can't be read as YAML") });
  });

  test('refuses a body over 1.5 MiB, whatever its declared length', async () => {
    const body = JSON.stringify({ metadata: { name: 'c' }, data: { a: 'x'.repeat(1.6 * 1024 * 1024) } });
    expect(await kube.refused('POST', CONFIG_MAPS, body)).toMatchObject({ code: 413, reason: 'RequestEntityTooLarge' });
    expect((await kube.refused('POST', CONFIG_MAPS, body, { 'content-length': '10' })).code).toBe(413);
  });

  test('refuses a type of body it cannot read, and says which it can', async () => {
    const status = await kube.refused('POST', CONFIG_MAPS, 'a', { 'content-type': 'application/cbor' });
    expect(status).toMatchObject({ code: 415, message: expect.stringContaining('application/json, application/yaml') });
  });
});
