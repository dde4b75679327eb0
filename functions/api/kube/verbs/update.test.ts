import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Deployment } from '../../../../core/resources/schema/deployment.ts';
import { deployment } from '../../../../core/resources/testing/fixtures.ts';
import { createResource } from '../../../../core/resources/write.ts';
import { DEPLOYMENTS, type KubeHarness, kubeHarness } from '../testing/harness.ts';

const WEB = `${DEPLOYMENTS}/web`;
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const JSON_PATCH = { 'content-type': 'application/json-patch+json' };

let kube: KubeHarness;
let made: Deployment;
beforeEach(async () => {
  kube = await kubeHarness();
  made = await kube.commit((txn) => createResource(txn, 'Deployment', deployment('web'), kube.ctx));
});

const stored = () => kube.json<Deployment & Record<string, unknown>>('GET', WEB);

describe('PUT', () => {
  test('replaces the object and tells the audit log', async () => {
    const { resourceVersion } = (
      await kube.json<Deployment & Record<string, unknown>>('PUT', WEB, { ...made, spec: { ...made.spec, replicas: 3 } })
    ).metadata;
    expect((await stored()).spec.replicas).toBe(3);
    expect(kube.writes).toEqual([expect.objectContaining({ verb: 'update', name: 'web', revision: Number(resourceVersion) })]);
  });

  test('refuses a stale resourceVersion', async () => {
    await kube.json('PUT', WEB, { ...made, spec: { ...made.spec, replicas: 3 } });
    const status = await kube.refused('PUT', WEB, { ...made, spec: { ...made.spec, replicas: 9 } });
    expect(status).toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: expect.stringContaining('the object has been modified'),
    });
    expect((await stored()).spec.replicas).toBe(3);
  });

  test('changes only the status through /status', async () => {
    await kube.json('PUT', `${WEB}/status`, { ...made, spec: { ...made.spec, replicas: 9 }, status: { readyReplicas: 1 } });
    const now = await stored();
    expect([now.spec.replicas, now.status]).toEqual([1, { readyReplicas: 1 }]);
  });

  test('refuses another name than the URL has, and an object that does not exist', async () => {
    expect((await kube.refused('PUT', `${DEPLOYMENTS}/other`, made)).message).toContain(
      'the name of the object (web) does not match the name on the URL (other)',
    );
    const other = { ...made, metadata: { name: 'other' } };
    expect((await kube.refused('PUT', `${DEPLOYMENTS}/other`, other)).code).toBe(404);
  });

  test('writes and audits nothing when nothing changes', async () => {
    const before = kube.keyspace.view().revision;
    expect(await kube.json('PUT', WEB, made)).toEqual(made);
    expect([kube.keyspace.view().revision, kube.writes]).toEqual([before, []]);
  });
});

describe('PATCH', () => {
  test('merges (RFC 7396)', async () => {
    await kube.json('PATCH', WEB, { metadata: { labels: { a: '1', b: '2' } } });
    const patched = await kube.json<Deployment & Record<string, unknown>>('PATCH', WEB, {
      metadata: { labels: { a: null } },
      spec: { replicas: 2 },
    });
    expect([patched.metadata.labels, patched.spec.replicas]).toEqual([{ b: '2' }, 2]);
  });

  test('applies JSON patches (RFC 6902)', async () => {
    const patch = [
      { op: 'test', path: '/spec/replicas', value: 1 },
      { op: 'replace', path: '/spec/replicas', value: 4 },
    ];
    await kube.json('PATCH', WEB, patch, JSON_PATCH);
    expect((await stored()).spec.replicas).toBe(4);
    expect((await kube.refused('PATCH', WEB, patch, JSON_PATCH)).code).toBe(422);
  });

  test('merges lists by their keys (strategic merge)', async () => {
    const patch = {
      spec: { template: { spec: { $setElementOrder: undefined, containers: [{ name: 'web', image: 'web:2' }] } } },
    };
    await kube.json('PATCH', WEB, patch, STRATEGIC);
    const [container] = (await stored()).spec.template.spec.containers;
    expect(container).toMatchObject({ name: 'web', image: 'web:2', imagePullPolicy: 'IfNotPresent' });
  });

  test('switches the strategy as kubectl does, with $retainKeys', async () => {
    const patch = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    await kube.json('PATCH', WEB, patch, STRATEGIC);
    expect((await stored()).spec.strategy).toEqual({ type: 'Recreate' });
  });

  test('stores nothing on a dry run and keeps the resourceVersion', async () => {
    const dry = await kube.json<Deployment & Record<string, unknown>>('PATCH', `${WEB}?dryRun=All`, { spec: { replicas: 8 } });
    expect([dry.spec.replicas, dry.metadata.resourceVersion]).toEqual([8, made.metadata.resourceVersion]);
    expect(await stored()).toEqual(made);
  });

  test('refuses unknown fields by name, or drops them with a warning', async () => {
    const patch = { spec: { replcas: 3 } };
    expect((await kube.refused('PATCH', WEB, patch)).message).toContain('unknown field "spec.replcas"');
    const response = await kube.request('PATCH', `${WEB}?fieldValidation=Warn`, patch);
    expect([response.status, response.headers.get('warning')]).toEqual([
      200,
      '299 - "unknown field \\"spec.replcas\\" was dropped"',
    ]);
  });

  test.each([
    ['a stale resourceVersion', { metadata: { resourceVersion: '1' } }, {}, 409],
    ['a new name', { metadata: { name: 'other' } }, {}, 400],
    ['an immutable field', { spec: { selector: { matchLabels: { app: 'other' } } } }, {}, 422],
    ['a wrong type', { spec: { replicas: 'three' } }, {}, 400],
    ['a negative number', { spec: { replicas: -1 } }, {}, 422],
    ['server-side apply', 'a: 1', { 'content-type': 'application/apply-patch+yaml' }, 415],
    ['an unknown kind of patch', '{}', { 'content-type': 'application/json' }, 415],
    ['a list as merge patch', [], {}, 400],
  ])('refuses %s', async (_what, patch, headers, code) => {
    expect((await kube.refused('PATCH', WEB, patch, headers)).code).toBe(code);
    expect(await stored()).toEqual(made);
  });

  test('refuses to patch what does not exist', async () => {
    expect((await kube.refused('PATCH', `${DEPLOYMENTS}/nope`, {})).code).toBe(404);
  });
});
