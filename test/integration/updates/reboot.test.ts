import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Node } from '../../../core/resources/schema/node.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import { eventually } from '../../support/eventually.ts';
import { hostAt, runningPod } from '../../support/lambda/visitors.ts';
import { type ServedUpdates, serveUpdates } from '../../support/updates/served-updates.ts';

/** A host's reboot against an embedded control plane, by FleetLock: its pods leave within their budget, and it takes pods again afterwards. */

jest.setTimeout(120_000);

let served: ServedUpdates;
const hosts = new Map<string, ReturnType<typeof hostAt>>();

beforeAll(async () => {
  served = await serveUpdates();
  for (const name of ['metal-1', 'metal-2']) {
    const host = hostAt(served.url);
    const made = await served.account('POST', '/v1/tokens', { kind: 'join', cluster: served.cluster });
    expect((await host.join(made.json.secret as string, name)).status).toBe(200);
    await host.report();
    hosts.set(name, host);
  }
});
afterAll(() => served.stop());

const post = async (path: string, body: object) => expect((await served.kube('POST', path, body)).status).toBe(201);
const node = async (name: string) => (await served.kube('GET', `/api/v1/nodes/${name}`)).json as Node;
const podsOn = async (name: string) =>
  ((await served.kube('GET', `/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName=${name}`)).json.items as Pod[]).length;

/** Each host runs what it is told to and ends what it is told to, once. */
async function work(names: readonly string[] = ['metal-1', 'metal-2']): Promise<void> {
  for (const name of names) {
    const host = hosts.get(name)!;
    const { pods } = await host.assignment();
    await host.report(
      pods.map((pod) => ({ ...runningPod(pod), ...(pod.metadata.deletionTimestamp !== undefined && { gone: true }) })),
    );
  }
}

test('a node is emptied within the disruption budget before it may reboot, and takes pods again when it is back', async () => {
  await served.create('UpdateChannel', 'stable', {});
  await served.create('UpdateGroup', 'os', { channel: 'stable' });
  const labels = { app: 'web' };
  await post('/apis/policy/v1/namespaces/default/poddisruptionbudgets', {
    metadata: { name: 'web' },
    spec: { minAvailable: 3, selector: { matchLabels: labels } },
  });
  const template = { metadata: { labels }, spec: { containers: [{ name: 'app', image: 'app:1' }] } };
  await post('/apis/apps/v1/namespaces/default/deployments', {
    metadata: { name: 'web' },
    spec: { replicas: 4, selector: { matchLabels: labels }, template },
  });
  await eventually('all run', async () => {
    await work();
    const { json } = await served.kube('GET', '/apis/apps/v1/namespaces/default/deployments/web');
    expect(json.status.availableReplicas).toBe(4);
  });
  expect(await podsOn('metal-2')).toBe(2);

  const refused = await served.fleetLock('pre-reboot', 'metal-2', 'os');
  expect([refused.status, JSON.parse(refused.text).kind]).toEqual([409, 'node_draining']);
  expect((await node('metal-2')).spec?.unschedulable).toBe(true);
  let least = 4;
  await eventually('it may reboot', async () => {
    const { json } = await served.kube('GET', '/apis/apps/v1/namespaces/default/deployments/web');
    least = Math.min(least, json.status.availableReplicas as number);
    await work();
    expect((await served.fleetLock('pre-reboot', 'metal-2', 'os')).status).toBe(200);
  });
  expect(least).toBe(3);
  expect([await podsOn('metal-1'), await podsOn('metal-2')]).toEqual([4, 0]);

  // It reboots, and says that it is well before its agent is back.
  expect((await served.fleetLock('steady-state', 'metal-2', 'os')).status).toBe(200);
  await work(['metal-1']);
  expect((await node('metal-2')).spec?.unschedulable).toBe(true);
  await hosts.get('metal-2')!.report();
  await eventually('it takes pods again', async () => expect((await node('metal-2')).spec?.unschedulable).toBeUndefined());
  const { json } = await served.kube('GET', '/api/v1/namespaces/default/events');
  const reasons = (json.items as { reason: string }[]).map(({ reason }) => reason);
  for (const reason of ['Draining', 'EvictedForReboot', 'RebootGranted', 'RebootEnded', 'BackFromReboot'])
    expect(reasons).toContain(reason);
});
