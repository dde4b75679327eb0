import { beforeEach, describe, expect, test } from '@jest/globals';
import { deployment, pod, podSpec } from '../../../../core/resources/testing/fixtures.ts';
import { createResource, getResource } from '../../../../core/resources/write.ts';
import { DEPLOYMENTS, type KubeHarness, kubeHarness, PODS } from '../testing/harness.ts';

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
  await kube.commit((txn) => {
    createResource(txn, 'Deployment', deployment('web', { replicas: 2 }), kube.ctx);
    createResource(txn, 'Pod', pod('placed', { ...podSpec(), nodeName: 'n1' }), kube.ctx);
    createResource(txn, 'Pod', pod('waiting'), kube.ctx);
    const containers = [
      { name: 'a', image: 'i' },
      { name: 'b', image: 'i' },
    ];
    createResource(
      txn,
      'Pod',
      pod('several', { containers, initContainers: [{ name: 'init', image: 'i' }], nodeName: 'n1' }),
      kube.ctx,
    );
  });
});

describe('scale', () => {
  const SCALE = `${DEPLOYMENTS}/web/scale`;

  test('shows replicas and selector', async () => {
    expect(await kube.json('GET', SCALE)).toMatchObject({
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { replicas: 0, selector: 'app=web' },
    });
  });

  test('changes replicas by PATCH and by PUT', async () => {
    expect(await kube.json('PATCH', SCALE, { spec: { replicas: 5 } })).toMatchObject({ spec: { replicas: 5 } });
    const scale = await kube.json<{ spec: object }>('GET', SCALE);
    await kube.json('PUT', SCALE, { ...scale, spec: { replicas: 0 } });
    expect(getResource(kube.keyspace.view(), 'Deployment', 'default', 'web')!.spec.replicas).toBe(0);
    expect(kube.writes.map(({ verb, subresource }) => `${verb} ${subresource}`)).toEqual(['patch scale', 'update scale']);
  });

  test('refuses a stale resourceVersion, a negative number and a field that is not there', async () => {
    const scale = await kube.json<Record<string, unknown>>('GET', SCALE);
    await kube.json('PATCH', SCALE, { spec: { replicas: 5 } });
    expect((await kube.refused('PUT', SCALE, scale)).code).toBe(409);
    expect((await kube.refused('PATCH', SCALE, { spec: { replicas: -1 } })).code).toBe(422);
    expect((await kube.refused('PATCH', SCALE, { spec: { replcas: 1 } })).message).toContain('spec.replcas');
  });
});

describe('log', () => {
  const body = (text: string) => new Response(text).body as ReadableStream<Uint8Array>;

  test('streams what the host of the pod answers, and hands it the options', async () => {
    kube.answerLogs({ ok: true, body: body('hello\n') });
    const response = await kube.request('GET', `${PODS}/placed/log?follow=true&tailLines=5&timestamps=True&sinceSeconds=60`);
    expect([response.headers.get('content-type'), await response.text()]).toEqual(['text/plain; charset=utf-8', 'hello\n']);
    expect(kube.asked).toEqual([
      {
        node: 'n1',
        request: {
          kind: 'logs',
          namespace: 'default',
          pod: 'placed',
          container: 'web',
          follow: true,
          previous: false,
          timestamps: true,
          tailLines: 5,
          sinceSeconds: 60,
        },
      },
    ]);
  });

  test('says that the host is not connected', async () => {
    expect(await kube.refused('GET', `${PODS}/placed/log`)).toMatchObject({ code: 503, message: 'node n1 is not connected' });
  });

  test.each([
    ['a pod that is not placed', 'waiting/log', 400, 'it is not placed on a node'],
    ['no container where there are several', 'several/log', 400, 'choose one of: [a b] or one of the init containers: [init]'],
    [
      'a container that is not there',
      'several/log?container=z',
      400,
      'container z is not valid for pod several: choose one of [init a b]',
    ],
    ['a pod that does not exist', 'nope/log', 404, 'pods "nope" not found'],
    ['a malformed number', 'placed/log?tailLines=many', 400, 'tailLines must be a whole number'],
  ])('refuses %s with the reason', async (_what, path, code, message) => {
    expect(await kube.refused('GET', `${PODS}/${path}`)).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(kube.asked).toEqual([]);
  });

  test('takes an init container by name', async () => {
    kube.answerLogs({ ok: true, body: body('') });
    await kube.request('GET', `${PODS}/several/log?container=init`);
    expect(kube.asked[0]!.request.container).toBe('init');
  });
});

describe('diagnosis', () => {
  const NODE = '/api/v1/nodes/n1/diagnosis';

  test('is what the host answers when it is asked to look', async () => {
    await kube.commit((txn) => createResource(txn, 'Node', { metadata: { name: 'n1' } }, kube.ctx));
    kube.answerLogs({ ok: true, body: new Response('{"node":"n1","findings":[]}\n').body as ReadableStream<Uint8Array> });
    expect(await kube.json('GET', NODE)).toEqual({ node: 'n1', findings: [] });
    expect(kube.asked).toEqual([{ node: 'n1', request: { kind: 'diagnosis' } }]);
  });

  test('of a node that does not exist is not found, and nobody is asked', async () => {
    expect(await kube.refused('GET', NODE)).toMatchObject({ code: 404, message: 'nodes "n1" not found' });
    expect(kube.asked).toEqual([]);
  });
});

describe('eviction', () => {
  test('deletes the pod with the grace it asks for', async () => {
    const eviction = {
      apiVersion: 'policy/v1',
      kind: 'Eviction',
      metadata: { name: 'placed' },
      deleteOptions: { gracePeriodSeconds: 7 },
    };
    expect((await kube.request('POST', `${PODS}/placed/eviction`, eviction)).status).toBe(201);
    expect(getResource(kube.keyspace.view(), 'Pod', 'default', 'placed')!.metadata.deletionGracePeriodSeconds).toBe(7);
  });

  test('is put off with a 429 while a disruption budget does not allow it, and says which', async () => {
    const budgets = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    const labels = { app: 'kept' };
    await kube.request('PATCH', `${PODS}/placed`, { metadata: { labels } });
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'keep' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    };
    expect((await kube.request('POST', budgets, budget)).status).toBe(201);
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'placed' } };
    expect(await kube.refused('POST', `${PODS}/placed/eviction`, eviction)).toMatchObject({
      code: 429,
      reason: 'TooManyRequests',
      details: { causes: [{ reason: 'DisruptionBudget', message: expect.stringContaining('keep needs 1 healthy pods') }] },
    });
    expect(getResource(kube.keyspace.view(), 'Pod', 'default', 'placed')!.metadata.deletionTimestamp).toBeUndefined();
    await kube.request('DELETE', `${budgets}/keep`);
    expect((await kube.request('POST', `${PODS}/placed/eviction`, eviction)).status).toBe(201);
  });
});

describe('sub-resources that are not served', () => {
  test.each(['exec', 'attach', 'portforward', 'proxy'])('%s says so, and what to do', async (name) => {
    expect(await kube.refused('POST', `${PODS}/placed/${name}`)).toMatchObject({
      code: 400,
      message: expect.stringMatching(/not supported yet: /),
    });
  });
});
