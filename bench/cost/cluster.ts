import { dynamoInbox } from '../../store/inbox.ts';
import { dynamoWakes } from '../../store/wakes.ts';
import { heard } from '../../test/support/builders.ts';
import { eventually } from '../../test/support/eventually.ts';
import type { hostedInstallation } from '../../test/support/lambda/hosted-installation.ts';
import { ask, hostAt, runningPod } from '../../test/support/lambda/visitors.ts';
import { webDeployment } from '../../test/support/web-deployment.ts';

type Hosted = Awaited<ReturnType<typeof hostedInstallation>>;

/** One cluster with a host that runs two pods. */
export async function aCluster(hosted: Hosted) {
  const { url, services, client } = hosted;
  const account = { email: 'bench@example.com', password: 'correct horse battery', organisation: 'Bench' };
  const { json: me } = await ask(`${url}/v1/signup`, 'POST', undefined, account);
  const token = me.token as string;
  await ask(`${url}/v1/verify`, 'POST', undefined, { token: /#(trn_\w+)/.exec(services.mails[0]!.text)![1]! });
  const { json: made } = await ask(`${url}/v1/clusters`, 'POST', token, { name: 'bench' });
  const cluster = made.id as string;
  const { json: join } = await ask(`${url}/v1/tokens`, 'POST', token, { kind: 'join', cluster });
  const host = hostAt(url);
  await host.join(join.secret as string, 'metal-1');
  await host.report();
  const path = `${url}/clusters/${cluster}/apis/apps/v1/namespaces/default/deployments`;
  await ask(path, 'POST', token, webDeployment(2));
  const assigned = async (count: number) => {
    const assignment = await host.assignment();
    const live = assignment.pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (live.length !== count) throw new Error(`${live.length} pods are assigned, not ${count}`);
    return live;
  };
  const pods = await eventually('two pods are assigned', () => assigned(2));
  await host.report(pods.map(runningPod));
  const wakes = dynamoWakes(client, 'identity');
  return {
    host,
    pods,
    /** A person changes something that concerns the host. */
    settle: (turn: number) => ask(`${path}/web`, 'PUT', token, webDeployment(2, { annotations: { changed: String(turn) } })),
    /** So many more hosts that have reported. */
    async grow(count: number): Promise<void> {
      const inbox = dynamoInbox(client, 'tenant');
      for (let index = 0; index < count; index++) {
        const name = `other-${index}`;
        await inbox.put(me.organisation.id as string, cluster, heard(name, Date.now()));
      }
      await eventually('all have nodes', async () => {
        const { json } = await ask(`${url}/clusters/${cluster}/api/v1/nodes`, 'GET', token);
        if (json.items.length <= count) throw new Error(`${json.items.length} nodes`);
      });
    },
    /** The cluster's alarm rings. */
    async alarm() {
      await wakes.set(me.organisation.id as string, cluster, Date.now() - 120_000);
      await hosted.tick();
    },
  };
}
