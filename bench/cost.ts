import { eventually } from '../test/support/eventually.ts';
import type { Capacity } from '../test/support/lambda/counting-proxy.ts';
import { hostedInstallation } from '../test/support/lambda/hosted-installation.ts';
import { ask, hostAt, runningPod } from '../test/support/lambda/visitors.ts';
import { DEFAULT_SETTINGS } from '../core/controllers/settings.ts';
import { PRICES, PRICES_OF } from './cost/prices.ts';

/**
 * What a month of the hosted service costs. Each thing that happens in it is done once or a few times by the deployed bundles, with
 * everything that AWS charges for counted; then priced and multiplied by how often it happens.
 */

/** What AWS charges for, of one thing that happens. */
interface Charges extends Capacity {
  invocations: number;
  gbSeconds: number;
  frontRequests: number;
  messages: number;
  connectionMinutes: number;
}

const REPEAT = 20;
const MINUTES = 30 * 24 * 60;
/** As lib/ has it, MB. */
const MEMORY: Readonly<Record<string, number>> = { api: 1024, node: 512, push: 256, reconcile: 1024, install: 256 };
/** Lambda gives a whole CPU at so many MB, and below that a part of it. */
const WHOLE_CPU_MB = 1769;
/** What a call to DynamoDB takes in its region. */
const STORE_MS = 4;
const CLUSTER_HOSTS = 10;

export async function run(): Promise<Record<string, number>> {
  const hosted = await hostedInstallation();
  const { counted } = hosted;
  try {
    const world = await aCluster(hosted);
    const usage = () => ({ ...counted, ...lambdaUsage(hosted.functions) });

    /** The mean of many times, after one that warms up. */
    const measure = async (action: (turn: number) => Promise<unknown>, given: Partial<Charges> = {}): Promise<Charges> => {
      await action(0);
      await settled(hosted);
      const before = usage();
      for (let turn = 1; turn <= REPEAT; turn++) await action(turn);
      await settled(hosted);
      const after = usage();
      const each = (name: keyof typeof before) => (after[name] - before[name]) / REPEAT;
      return {
        reads: each('reads'),
        writes: each('writes'),
        calls: each('calls'),
        invocations: each('invocations'),
        gbSeconds: each('cpuGbSeconds') + (((each('calls') * STORE_MS) / 1000) * each('gb')) / each('invocations'),
        frontRequests: 0,
        messages: 0,
        connectionMinutes: 0,
        ...given,
      };
    };

    const { host, pods, settle } = world;
    const running = pods.map(runningPod);
    const events = {
      heartbeat: await measure(() => host.report(running), { frontRequests: 1 }),
      poll: await measure(() => host.assignment(), { frontRequests: 1 }),
      news: await measure((turn) => host.report(turn % 2 ? [] : running), { frontRequests: 1 }),
      change: await measure((turn) => settle(turn), { frontRequests: 1, messages: 1 }),
      connection: await measure(async () => (await host.connect()).close(), { frontRequests: 1 }),
      tick: await measure(() => hosted.tick()),
    };
    const alarm = await measure(() => world.alarm());

    console.log(`what happens, and what AWS counts for it (prices of ${PRICES_OF}, us-east-1, no free tier)`);
    for (const [name, charges] of Object.entries({ ...events, alarm })) {
      const { reads, writes, invocations, gbSeconds } = charges;
      console.log(
        `  ${name.padEnd(11)} ${reads.toFixed(1).padStart(6)} RRU ${writes.toFixed(1).padStart(6)} WRU ${invocations.toFixed(1).padStart(5)} inv ${(gbSeconds * 1000).toFixed(1).padStart(7)} GB-ms  ${(usd(charges) * 1e6).toFixed(2).padStart(7)} USD per million`,
      );
    }

    /** A node's month: heartbeats and polls as often as said, `newsPerDay` reports with news and `changesPerDay` of its assignment. */
    const month = (
      reportSeconds: number,
      alarmMinutes: number,
      hosts: number,
      newsPerDay: number,
      changesPerDay: number,
    ): number => {
      const seconds = MINUTES * 60;
      const clusterAlarms = MINUTES / alarmMinutes;
      return (
        (seconds / reportSeconds) * usd(events.heartbeat) +
        (seconds / DEFAULT_SETTINGS.pollSeconds) * usd(events.poll) +
        30 * newsPerDay * usd(events.news) +
        30 * changesPerDay * usd(events.change) +
        (MINUTES / 120) * usd(events.connection) +
        MINUTES * PRICES.webSocketMinute +
        (clusterAlarms * usd(alarm)) / hosts
      );
    };
    const { reportSeconds, notReadySeconds } = DEFAULT_SETTINGS;
    const eachAlarm = Math.max(1, (notReadySeconds - reportSeconds) / 60);
    const figures = {
      idle_tenant_usd_hour: 0,
      installation_clock_usd_month: MINUTES * usd(events.tick),
      idle_node_usd_month: month(reportSeconds, eachAlarm, CLUSTER_HOSTS, 0, 0),
      idle_node_300s_usd_month: month(300, 10, CLUSTER_HOSTS, 0, 0),
      busy_node_usd_month: month(reportSeconds, eachAlarm, 1_000, 200, 50),
      busy_node_300s_usd_month: month(300, 10, 1_000, 200, 50),
    };
    console.log(`
a month
  tenant without nodes          ${figures.idle_tenant_usd_hour} USD per hour beyond storage: nothing of it wakes anything
  the installation's clock      ${figures.installation_clock_usd_month.toFixed(3)} USD
  quiet node, defaults (${reportSeconds} s)   ${figures.idle_node_usd_month.toFixed(3)} USD    reporting every 300 s: ${figures.idle_node_300s_usd_month.toFixed(3)} USD
  busy node, defaults  (${reportSeconds} s)   ${figures.busy_node_usd_month.toFixed(3)} USD    reporting every 300 s: ${figures.busy_node_300s_usd_month.toFixed(3)} USD
  10 quiet nodes ${(10 * figures.idle_node_usd_month).toFixed(2)}, 1,000 busy ${(1_000 * figures.busy_node_usd_month).toFixed(0)}, 10,000 quiet ${(10_000 * figures.idle_node_usd_month).toFixed(0)} USD
  list prices beside it: ECS Anywhere ${PRICES.ecsAnywhereNodeMonth} USD per node, EKS ${PRICES.eksClusterMonth} USD per cluster`);
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]));
  } finally {
    await hosted.stop();
  }
}

function usd(charges: Charges): number {
  return (
    charges.reads * PRICES.dynamoReadUnit +
    charges.writes * PRICES.dynamoWriteUnit +
    charges.invocations * PRICES.lambdaRequest +
    charges.gbSeconds * PRICES.lambdaGbSecond +
    charges.frontRequests * PRICES.cloudFrontRequest +
    charges.messages * PRICES.webSocketMessage +
    charges.connectionMinutes * PRICES.webSocketMinute
  );
}

type Hosted = Awaited<ReturnType<typeof hostedInstallation>>;

/** One cluster with a host that runs two pods. */
async function aCluster(hosted: Hosted) {
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
  await ask(path, 'POST', token, deployment(2));
  const assigned = async (count: number) => {
    const assignment = await host.assignment();
    const live = assignment.pods.filter(({ metadata }) => !metadata.deletionTimestamp);
    if (live.length !== count) throw new Error(`${live.length} pods are assigned, not ${count}`);
    return live;
  };
  const pods = await eventually('two pods are assigned', () => assigned(2));
  await host.report(pods.map(runningPod));
  const { dynamoWakes } = await import('../store/wakes.ts');
  const wakes = dynamoWakes(client, 'identity');
  return {
    host,
    pods,
    /** A person changes something that concerns the host. */
    settle: (turn: number) => ask(`${path}/web`, 'PUT', token, deployment(2, { changed: String(turn) })),
    /** The cluster's alarm rings. */
    async alarm() {
      await wakes.set(me.organisation.id as string, cluster, Date.now() - 120_000);
      await hosted.tick();
    },
  };
}

function deployment(replicas: number, annotations: Record<string, string> = {}) {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default', annotations },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'web', image: 'web:1' }] } },
    },
  };
}

/**
 * So far: invocations, their memory, and GB-seconds of computing. A function is billed for the time that it takes: its CPU time, as
 * here, stretched by the part of a CPU that its memory buys; to which comes what it waits for the store.
 */
function lambdaUsage(functions: Hosted['functions']): { invocations: number; gb: number; cpuGbSeconds: number } {
  const used = { invocations: 0, gb: 0, cpuGbSeconds: 0 };
  for (const [name, pool] of functions) {
    used.invocations += pool.invocations();
    used.gb += (pool.invocations() * MEMORY[name]!) / 1024;
    used.cpuGbSeconds += ((pool.cpuMs() / 1000) * WHOLE_CPU_MB) / 1024;
  }
  return used;
}

/** What the stream still has to hand over has been. */
async function settled({ stream, functions }: Hosted): Promise<void> {
  const QUIET_MS = 1_000;
  const progress = () => [stream.delivered(), ...Array.from(functions.values(), (pool) => pool.invocations())].join();
  let since = performance.now();
  let seen = progress();
  await eventually(
    'nothing goes on',
    () => {
      const now = progress();
      if (now !== seen) [seen, since] = [now, performance.now()];
      if (performance.now() - since < QUIET_MS) throw new Error('still busy');
    },
    { timeoutMs: 60_000 },
  );
}
