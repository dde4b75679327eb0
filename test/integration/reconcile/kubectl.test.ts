import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../../support/eventually.ts';
import { findKubectls } from '../kubectl/kubectls.ts';
import { deployment } from '../kubectl/manifests.ts';
import { type ServedCluster, serveCluster } from '../kubectl/served-cluster.ts';
import { bringToLife, type LivingCluster } from './living-cluster.ts';

jest.setTimeout(120_000);
const all = await findKubectls();
/** The oldest and the newest: what lies between reads the same fields. */
const kubectls = all.length > 2 ? [all[0]!, all.at(-1)!] : all;

describe.each(kubectls)('what kubectl $version reads, the controllers write', (kubectl) => {
  let cluster: ServedCluster;
  let living: LivingCluster;
  beforeAll(async () => {
    cluster = await serveCluster(kubectl);
    living = bringToLife(cluster, 2);
    await eventually('the nodes are there', () => expect(living.state().list('Node')).toHaveLength(2));
    await cluster.ok('apply', '-f', await cluster.file('web.json', deployment('web', 'web:1')));
  });
  afterAll(async () => {
    await living.stop();
    await cluster.stop();
  });

  const runningImages = () =>
    living
      .state()
      .list('Pod')
      .filter(({ metadata }) => !metadata.deletionTimestamp)
      .map(({ spec }) => spec.containers[0]!.image);
  const rolledOut = () => cluster.ok('rollout', 'status', 'deployment/web', '--timeout=60s');

  test('rollout status ends when all pods are ready', async () => {
    expect(await rolledOut()).toMatch(/deployment "web" successfully rolled out\n$/);
    expect(await cluster.ok('get', 'deployment', 'web')).toMatch(/web +2\/2 +2 +2/);
    expect(await cluster.ok('wait', '--for=condition=Available', 'deployment/web', '--timeout=60s')).toContain('condition met');
  });

  test('an image is rolled out, rolled back, and both are in the history', async () => {
    await cluster.ok('set', 'image', 'deployment/web', 'web=web:2');
    await rolledOut();
    expect(runningImages()).toEqual(['web:2', 'web:2']);
    await cluster.ok('rollout', 'undo', 'deployment/web');
    await rolledOut();
    expect(runningImages()).toEqual(['web:1', 'web:1']);
    expect(await cluster.ok('rollout', 'history', 'deployment/web')).toMatch(/REVISION +CHANGE-CAUSE\n2 +<none>\n3 +<none>/);
    await cluster.ok('rollout', 'undo', 'deployment/web', '--to-revision=2');
    await rolledOut();
    expect(runningImages()).toEqual(['web:2', 'web:2']);
  });

  test('restart replaces every pod', async () => {
    const before = living
      .state()
      .list('Pod')
      .map(({ metadata }) => metadata.uid);
    await cluster.ok('rollout', 'restart', 'deployment/web');
    await rolledOut();
    const after = living
      .state()
      .list('Pod')
      .filter(({ metadata }) => !metadata.deletionTimestamp);
    expect(after.filter(({ metadata }) => before.includes(metadata.uid))).toEqual([]);
  });

  test('scale grows and shrinks it', async () => {
    await cluster.ok('scale', 'deployment/web', '--replicas=4');
    await rolledOut();
    expect(await cluster.ok('get', 'deployment', 'web')).toMatch(/web +4\/4 +4 +4/);
    await cluster.ok('scale', 'deployment/web', '--replicas=1');
    await eventually('one is left', () => expect(living.state().list('Pod')).toHaveLength(1));
  });

  test('describe tells why a pod waits', async () => {
    const resources = { requests: { cpu: '40' } };
    const big = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'big' },
      spec: { containers: [{ name: 'c', image: 'i:1', resources }] },
    };
    await cluster.ok('apply', '-f', await cluster.file('big.json', big));
    await eventually('it is told', async () =>
      expect(await cluster.ok('describe', 'pod', 'big')).toMatch(
        /Warning +FailedScheduling .* default-scheduler +0\/2 nodes are available: 2 Insufficient cpu\./,
      ),
    );
    await cluster.ok('delete', 'pod', 'big');
  });

  test('describe tells what a Deployment did', async () => {
    const text = await cluster.ok('describe', 'deployment', 'web');
    expect(text).toMatch(/Available +True +MinimumReplicasAvailable/);
    expect(text).toMatch(/Progressing +True +NewReplicaSetAvailable/);
    expect(text).toMatch(/NewReplicaSet: +web-[a-z0-9]+ \(1\/1 replicas created\)/);
    expect(text).toMatch(/ScalingReplicaSet .* deployment-controller +Scaled up replica set web-[a-z0-9]+ from 0 to 2/);
  });

  test('a cordoned node gets nothing, and delete takes everything', async () => {
    await cluster.ok('cordon', 'host-0');
    await cluster.ok('scale', 'deployment/web', '--replicas=3');
    await rolledOut();
    const added = living.state().podsOn('host-0').length;
    expect(added).toBeLessThanOrEqual(1);
    await cluster.ok('uncordon', 'host-0');
    await cluster.ok('delete', 'deployment', 'web');
    await eventually('nothing runs', () => {
      expect(living.state().list('Pod')).toEqual([]);
      expect(living.hosts.flatMap((host) => host.running)).toEqual([]);
    });
  });
});
