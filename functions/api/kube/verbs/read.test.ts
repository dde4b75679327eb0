import { beforeEach, describe, expect, test } from '@jest/globals';
import { NOW, pod } from '../../../../core/resources/testing/fixtures.ts';
import { createResource } from '../../../../core/resources/write.ts';
import { type KubeHarness, kubeHarness, PODS } from '../testing/harness.ts';

const TABLE = {
  accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json',
};
interface List {
  items: { metadata: { name: string } }[];
  metadata: { resourceVersion: string };
}

let kube: KubeHarness;
beforeEach(async () => {
  kube = await kubeHarness();
  await kube.commit((txn) => {
    for (const [name, labels] of Object.entries({ a: { app: 'x', tier: 'front' }, b: { app: 'x' }, c: { app: 'y' } })) {
      const draft = pod(name, { containers: [{ name: 'web', image: 'web:1' }], ...(name === 'a' && { nodeName: 'n1' }) });
      createResource(txn, 'Pod', { ...draft, metadata: { ...draft.metadata, labels } }, kube.ctx);
    }
    createResource(txn, 'Pod', { ...pod('z'), metadata: { name: 'z', namespace: 'kube-system' } }, kube.ctx);
  });
});

const namesOf = async (path: string) => (await kube.json<List>('GET', path)).items.map((item) => item.metadata.name);

describe('GET of a list', () => {
  test('covers one namespace or all of them', async () => {
    expect(await namesOf(PODS)).toEqual(['a', 'b', 'c']);
    expect(await namesOf('/api/v1/pods')).toEqual(['a', 'b', 'c', 'z']);
    expect(await namesOf('/api/v1/namespaces/empty/pods')).toEqual([]);
  });

  test('says what it is and at which revision', async () => {
    const list = await kube.json('GET', PODS);
    expect(list).toMatchObject({
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: String(kube.keyspace.view().revision) },
    });
  });

  test.each([
    ['labelSelector=app%3Dx', ['a', 'b']],
    ['labelSelector=app%3D%3Dx,!tier', ['b']],
    ['labelSelector=app%20in%20(x,y),app!%3Dx', ['c']],
    ['labelSelector=tier%20notin%20(front)', ['b', 'c']],
    ['fieldSelector=metadata.name%3Db', ['b']],
    ['fieldSelector=spec.nodeName%3Dn1', ['a']],
    ['fieldSelector=spec.nodeName!%3Dn1,status.phase%3DPending', ['b', 'c']],
  ])('selects by %s', async (query, names) => {
    expect(await namesOf(`${PODS}?${query}`)).toEqual(names);
  });

  test.each([
    ['labelSelector=app%3D%3D%3Dx', 'labelSelector: unable to parse requirement "app===x"'],
    ['fieldSelector=spec.mood%3Dgood', 'field label not supported: spec.mood. Pod can be selected by metadata.name'],
    ['resourceVersion=abc', 'resourceVersion must be one that this server gave'],
    ['resourceVersionMatch=Sometimes', 'resourceVersionMatch: unsupported value'],
  ])('refuses %s with the reason', async (query, message) => {
    expect(await kube.refused('GET', `${PODS}?${query}`)).toMatchObject({ code: 400, message: expect.stringContaining(message) });
  });

  test('answers with a table when asked: narrow columns at priority 0, metadata in each row', async () => {
    const table = await kube.json<{
      columnDefinitions: { name: string; priority: number }[];
      rows: { cells: unknown[]; object: object }[];
    }>('GET', PODS, undefined, TABLE);
    expect(table).toMatchObject({ kind: 'Table', apiVersion: 'meta.k8s.io/v1' });
    expect(table.columnDefinitions.filter(({ priority }) => priority === 0).map(({ name }) => name)).toEqual([
      'Name',
      'Ready',
      'Status',
      'Restarts',
      'Age',
    ]);
    expect(table.rows[0]!.cells.slice(0, 5)).toEqual(['a', '0/1', 'Pending', '0', '0s']);
    expect(table.rows[0]!.object).toMatchObject({ kind: 'PartialObjectMetadata', metadata: { name: 'a' } });
    expect(table.rows[0]!.object).not.toHaveProperty('spec');
    const full = await kube.json<{ rows: { object: object }[] }>('GET', `${PODS}?includeObject=Object`, undefined, TABLE);
    expect(full.rows[0]!.object).toHaveProperty('spec.containers');
  });

  test('answers with metadata only when asked', async () => {
    const accept = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
    const list = await kube.json<{ kind: string; items: object[] }>('GET', PODS, undefined, { accept });
    expect(list.kind).toBe('PartialObjectMetadataList');
    expect(list.items[0]).not.toHaveProperty('spec');
  });

  test('refuses to answer in a form it does not have', async () => {
    expect((await kube.refused('GET', PODS, undefined, { accept: 'application/vnd.kubernetes.protobuf' })).code).toBe(406);
    expect((await kube.request('GET', PODS, undefined, { accept: 'application/vnd.kubernetes.protobuf, */*' })).status).toBe(200);
  });

  test('refuses a revision from the future as not there yet, and an exact one that is not kept as expired', async () => {
    expect(await kube.refused('GET', `${PODS}?resourceVersion=999999`)).toMatchObject({
      code: 504,
      details: { causes: [{ reason: 'ResourceVersionTooLarge' }] },
    });
    expect(await kube.refused('GET', `${PODS}?resourceVersion=2&resourceVersionMatch=Exact`)).toMatchObject({
      code: 410,
      reason: 'Expired',
    });
  });

  test('refuses a continue token, because lists come in one piece', async () => {
    expect((await kube.refused('GET', `${PODS}?limit=1&continue=abc`)).code).toBe(410);
    expect(await namesOf(`${PODS}?limit=1`)).toEqual(['a', 'b', 'c']);
  });
});

describe('GET of one object', () => {
  test('answers with it, as YAML when asked', async () => {
    expect(await kube.json('GET', `${PODS}/a`)).toMatchObject({
      kind: 'Pod',
      metadata: { name: 'a', creationTimestamp: new Date(NOW).toISOString().replace('.000', '') },
    });
    const yaml = await kube.request('GET', `${PODS}/a`, undefined, { accept: 'application/yaml' });
    expect(await yaml.text()).toContain('kind: Pod\n');
  });

  test('says that it does not exist', async () => {
    expect(await kube.refused('GET', `${PODS}/nope`)).toMatchObject({
      code: 404,
      reason: 'NotFound',
      message: 'pods "nope" not found',
    });
  });
});
