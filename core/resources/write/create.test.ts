import { describe, expect, test } from '@jest/globals';
import { deployment, fixedContext, inTxn, newCluster, pod, podSpec, refusal } from '../testing/fixtures.ts';
import { createResource, deleteResource, getResource } from '../write.ts';

describe('createResource', () => {
  test('fills in identity, time, generation and defaults, and the revision it was committed at', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const { result, revision } = await cluster.transact((txn) => createResource(txn, 'Deployment', deployment('web'), ctx));
    expect(result).toMatchObject({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default', generation: 1, creationTimestamp: '2024-01-02T03:04:05Z' },
      spec: { replicas: 1, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } } },
    });
    expect(result.metadata.resourceVersion).toBe(String(revision));
    expect(result.metadata.uid).not.toBe('');
    expect(getResource(cluster.view(), 'Deployment', 'default', 'web')).toEqual(result);
  });

  test('does not change the object it was given', async () => {
    const cluster = await newCluster();
    const draft = pod('a');
    const before = structuredClone(draft);
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', draft, fixedContext()));
    expect(draft).toEqual(before);
  });

  test('drops what only the server may set', async () => {
    const cluster = await newCluster();
    const forged = { ...pod('a'), status: { phase: 'Running', podIP: 7 } };
    Object.assign(forged.metadata, {
      uid: 'mine',
      generation: 7,
      deletionTimestamp: '2001-01-01T00:00:00Z',
      creationTimestamp: '2001-01-01T00:00:00Z',
    });
    const made = await inTxn(cluster, (txn) => createResource(txn, 'Pod', forged, fixedContext()));
    expect(made.metadata.uid).not.toBe('mine');
    expect(made.metadata).toMatchObject({ generation: 1, creationTimestamp: '2024-01-02T03:04:05Z' });
    expect(made.metadata.deletionTimestamp).toBeUndefined();
    expect(made.status).toEqual({ phase: 'Pending', qosClass: 'BestEffort' });
  });

  test('makes a free name from generateName, within 63 characters', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const draft = { metadata: { generateName: `${'x'.repeat(70)}-`, namespace: 'default' }, spec: podSpec() };
    const names = await inTxn(cluster, (txn) => [1, 2, 3].map(() => createResource(txn, 'Pod', draft, ctx).metadata.name));
    expect(new Set(names).size).toBe(3);
    for (const name of names) expect(name).toMatch(/^x{58}[b-z2-9]{5}$/);
  });

  test('refuses a name that exists', async () => {
    const cluster = await newCluster();
    await inTxn(cluster, (txn) => createResource(txn, 'Pod', pod('a'), fixedContext()));
    const error = await refusal(cluster, (txn) => createResource(txn, 'Pod', pod('a'), fixedContext()));
    expect(error.status).toMatchObject({
      code: 409,
      reason: 'AlreadyExists',
      message: 'pods "a" already exists',
      details: { name: 'a', kind: 'pods' },
    });
  });

  test('refuses a namespace that does not exist or is being deleted', async () => {
    const ctx = fixedContext();
    const cluster = await newCluster(ctx);
    const inTeam = (name: string) => ({ metadata: { name, namespace: 'team' }, spec: { ...podSpec(), nodeName: 'n1' } });
    const missing = await refusal(cluster, (txn) => createResource(txn, 'Pod', inTeam('a'), ctx));
    expect(missing.status).toMatchObject({ code: 404, message: 'namespaces "team" not found' });

    await inTxn(cluster, (txn) => {
      createResource(txn, 'Namespace', { metadata: { name: 'team' } }, ctx);
      createResource(txn, 'Pod', inTeam('a'), ctx);
      deleteResource(txn, 'Namespace', '', 'team', {}, ctx);
    });
    const ending = await refusal(cluster, (txn) => createResource(txn, 'Pod', inTeam('b'), ctx));
    expect(ending.status).toMatchObject({ code: 403, details: { causes: [{ reason: 'NamespaceTerminating' }] } });
  });

  test.each([
    ['a wrong type', { ...pod('a'), spec: { containers: 'web' } }, 400, 'spec.containers: expected array, got string'],
    [
      'a missing field',
      { ...pod('a'), spec: { containers: [{ name: 'web' }] } },
      422,
      'spec.containers[0].image: Required value',
    ],
    [
      'an unsupported value',
      pod('a', { ...podSpec(), restartPolicy: 'Sometimes' }),
      422,
      'spec.restartPolicy: Unsupported value: "Sometimes"',
    ],
    ['a name that is too long', pod('a'.repeat(254)), 422, 'must be no more than 253 characters'],
    ['a name with capitals', pod('Web'), 422, 'metadata.name: Invalid value: "Web"'],
    ['no name', { metadata: { namespace: 'default' }, spec: podSpec() }, 422, 'name or generateName is required'],
    [
      'a resourceVersion',
      { ...pod('a'), metadata: { name: 'a', namespace: 'default', resourceVersion: '1' } },
      400,
      'resourceVersion should not be set',
    ],
  ])('refuses %s by name', async (_what, object, code, message) => {
    const cluster = await newCluster();
    const error = await refusal(cluster, (txn) => createResource(txn, 'Pod', object, fixedContext()));
    expect(error.status.code).toBe(code);
    expect(error.message).toContain(message);
  });

  test('names every wrong field at once', async () => {
    const cluster = await newCluster();
    const object = deployment('web', {
      selector: { matchLabels: { app: 'other' } },
      strategy: { rollingUpdate: { maxSurge: 'lots' } },
    });
    const error = await refusal(cluster, (txn) => createResource(txn, 'Deployment', object, fixedContext()));
    expect(error.status).toMatchObject({ code: 422, details: { name: 'web', group: 'apps', kind: 'Deployment' } });
    expect(error.status.details!.causes!.map((cause) => cause.field)).toEqual([
      'spec.template.metadata.labels',
      'spec.strategy.rollingUpdate.maxSurge',
    ]);
  });
});
