import { describe, expect, test } from '@jest/globals';
import { pod } from '../../test/support/builders.ts';
import { TestCluster } from '../../test/support/cluster.ts';
import type { OwnerReference } from '../resources/schema/meta.ts';

const configMap = (name: string, ownerReferences: OwnerReference[] = [], namespace = 'default') =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace, ownerReferences } }) as { kind: string; metadata: object };

const owner = (name: string, uid: string, kind = 'ConfigMap', apiVersion = 'v1'): OwnerReference => ({
  apiVersion,
  kind,
  name,
  uid,
});

async function ownerAndDependent(): Promise<TestCluster> {
  const cluster = await TestCluster.with(configMap('owner'));
  await cluster.create(configMap('dependent', [owner('owner', cluster.get('ConfigMap', 'owner').metadata.uid)]));
  return cluster;
}

const names = (cluster: TestCluster) => cluster.list('ConfigMap').map(({ metadata }) => metadata.name);

describe('the garbage collector', () => {
  test('keeps what has an owner, and takes it when the owner is gone', async () => {
    const cluster = await ownerAndDependent();
    await cluster.settle();
    expect(names(cluster)).toEqual(['dependent', 'owner']);
    await cluster.delete('ConfigMap', 'owner');
    await cluster.settle();
    expect(names(cluster)).toEqual([]);
    expect(cluster.events('OwnerDeleted').map(({ message }) => message)).toEqual([
      'Deleted, because its owner ConfigMap owner was deleted',
    ]);
  });

  test('leaves what was orphaned on purpose', async () => {
    const cluster = await ownerAndDependent();
    await cluster.delete('ConfigMap', 'owner', { propagationPolicy: 'Orphan' });
    await cluster.settle();
    expect(names(cluster)).toEqual(['dependent']);
  });

  test('takes an object only when its last owner is gone', async () => {
    const cluster = await TestCluster.with(configMap('a'), configMap('b'));
    const uid = (name: string) => cluster.get('ConfigMap', name).metadata.uid;
    await cluster.create(configMap('shared', [owner('a', uid('a')), owner('b', uid('b'))]));
    await cluster.delete('ConfigMap', 'a');
    await cluster.settle();
    expect(cluster.get('ConfigMap', 'shared').metadata.ownerReferences?.map(({ name }) => name)).toEqual(['b']);
    await cluster.delete('ConfigMap', 'b');
    await cluster.settle();
    expect(names(cluster)).toEqual([]);
  });

  test('does not take an object of the same name for the owner', async () => {
    const cluster = await TestCluster.with(configMap('owner'), configMap('dependent', [owner('owner', 'an-earlier-one')]));
    await cluster.settle();
    expect(names(cluster)).toEqual(['owner']);
  });

  test('does not touch what is owned by a kind that is not served here', async () => {
    const cluster = await TestCluster.with(configMap('dependent', [owner('x', 'u', 'Certificate', 'cert-manager.io/v1')]));
    await cluster.settle();
    expect(names(cluster)).toEqual(['dependent']);
  });

  test('does not count an owner in another namespace', async () => {
    const cluster = await TestCluster.with(
      { kind: 'Namespace', metadata: { name: 'shop' } } as { kind: string },
      configMap('owner'),
    );
    await cluster.create(configMap('dependent', [owner('owner', cluster.get('ConfigMap', 'owner').metadata.uid)], 'shop'));
    await cluster.settle();
    expect(names(cluster)).toEqual(['owner']);
  });

  test('lets an owner deleted in the foreground wait for dependents that block it', async () => {
    const cluster = await TestCluster.with(configMap('owner'));
    const reference = { ...owner('owner', cluster.get('ConfigMap', 'owner').metadata.uid), blockOwnerDeletion: true };
    const dependent = pod('dependent', { nodeName: 'n1' });
    dependent.metadata.ownerReferences = [reference];
    await cluster.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } } as { kind: string });
    await cluster.create(dependent);
    await cluster.delete('ConfigMap', 'owner', { propagationPolicy: 'Foreground' });
    await cluster.settle();
    expect([names(cluster), cluster.pods.map(({ metadata }) => metadata.deletionTimestamp !== undefined)]).toEqual([
      ['owner'],
      [true],
    ]);
    await cluster.finishDeletions();
    await cluster.settle();
    expect([names(cluster), cluster.pods]).toEqual([[], []]);
  });
});
