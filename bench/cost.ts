import { eventually } from '../test/support/eventually.ts';
import type { Capacity } from '../test/support/lambda/counting-proxy.ts';
import { hostedInstallation } from '../test/support/lambda/hosted-installation.ts';
import { ask, hostAt, runningPod } from '../test/support/lambda/visitors.ts';
import { DEFAULT_SETTINGS } from '../core/controllers/settings.ts';
import { dynamoInbox } from '../store/inbox.ts';
import { heard } from '../test/support/builders.ts';
import { PRICES, PRICES_OF } from './cost/prices.ts';
import type { FunctionName } from '../lib/hosted-function.ts';

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
const MEMORY: Readonly<Record<FunctionName, number>> = {
  api: 1024,
  node: 512,
  push: 256,
  reconcile: 1024,
  install: 256,
  updates: 512,
};
/** Lambda gives a whole CPU at so many MB, and below that a part of it. */
const WHOLE_CPU_MB = 1769;
/** What a call to DynamoDB takes in its region. */
const STORE_MS = 4;
/** What depends on the size of a cluster is measured with one host and with so many. */
const LARGE_HOSTS = 100;
/** Agents make their next push connection after 88 to 110 minutes. */
const CONNECTION_MINUTES = 99;
/** AWS doesn't say whether a WebSocket ping is a message: it is counted as one. */
const PING_SECONDS = 230;
/** From when on a quiet host that says nothing more is silent. */
const QUIET_SECONDS = DEFAULT_SETTINGS.reportSeconds * 1.2 + DEFAULT_SETTINGS.notReadySeconds;

interface Month {
  readonly hosts: number;
  readonly beatSeconds: number;
  /** Reports of a node that say something new. */
  readonly newsPerDay: number;
  /** Of a node's assignment. */
  readonly changesPerDay: number;
}

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
    const measureAll = async () => ({
      heartbeat: await measure(() => host.report(running), { frontRequests: 1 }),
      poll: await measure(() => host.assignment(), { frontRequests: 1 }),
      news: await measure((turn) => host.report(turn % 2 ? [] : running), { frontRequests: 1 }),
      change: await measure((turn) => settle(turn), { frontRequests: 1, messages: 1 }),
      alarm: await measure(() => world.alarm()),
    });
    const small = await measureAll();
    const connection = await measure(async () => (await host.connect()).close(), { frontRequests: 1 });
    const tick = await measure(() => hosted.tick());
    await world.grow(LARGE_HOSTS - 1);
    await settled(hosted);
    const large = await measureAll();

    console.log(`what happens, and what AWS counts for it (prices of ${PRICES_OF}, us-east-1, no free tier)`);
    for (const [hosts, events] of [
      [1, { ...small, connection, tick }],
      [LARGE_HOSTS, large],
    ] as const) {
      console.log(`  in a cluster of ${hosts}`);
      for (const [name, charges] of Object.entries(events)) console.log(`    ${line(name, charges)}`);
    }

    /** Of a cluster with so many hosts: between and beyond the two that were measured, in a straight line. */
    const at = (hosts: number): typeof small => {
      const part = (hosts - 1) / (LARGE_HOSTS - 1);
      const between = (a: Charges, b: Charges) => combined([1 - part, a], [part, b]);
      return {
        heartbeat: small.heartbeat,
        poll: between(small.poll, large.poll),
        news: between(small.news, large.news),
        change: between(small.change, large.change),
        alarm: between(small.alarm, large.alarm),
      };
    };

    const month = ({ hosts, beatSeconds, newsPerDay, changesPerDay }: Month): Charges => {
      const { heartbeat, poll, news, change, alarm } = at(hosts);
      const changes = 30 * changesPerDay * hosts;
      return combined(
        [(hosts * MINUTES * 60) / beatSeconds, heartbeat],
        [30 * newsPerDay * hosts, news],
        // Somebody's write, the run and the hint; then the host asks and reports.
        [changes, change],
        [changes, poll],
        [changes, news],
        [(hosts * MINUTES) / CONNECTION_MINUTES, connection],
        [hosts * MINUTES, { ...NOTHING, connectionMinutes: 1 }],
        [(hosts * MINUTES * 60) / PING_SECONDS, { ...NOTHING, messages: 1 }],
        // The cluster wakes when the report that was heard longest ago would be overdue: the more hosts, the sooner, at most once a minute.
        [MINUTES / Math.max(1, (QUIET_SECONDS - (DEFAULT_SETTINGS.reportSeconds * hosts) / (hosts + 1)) / 60), alarm],
      );
    };
    const months: Record<string, Month> = {
      '10 quiet nodes': { hosts: 10, beatSeconds: DEFAULT_SETTINGS.reportSeconds, newsPerDay: 0, changesPerDay: 0 },
      '10 quiet nodes, fenced work': {
        hosts: 10,
        beatSeconds: DEFAULT_SETTINGS.renewSeconds * 0.95,
        newsPerDay: 0,
        changesPerDay: 0,
      },
      '1,000 busy nodes': { hosts: 1_000, beatSeconds: DEFAULT_SETTINGS.reportSeconds, newsPerDay: 40, changesPerDay: 10 },
      '10,000 nodes, a little busy': {
        hosts: 10_000,
        beatSeconds: DEFAULT_SETTINGS.reportSeconds,
        newsPerDay: 4,
        changesPerDay: 1,
      },
    };
    console.log('\na month');
    const perNode: number[] = [];
    for (const [name, each] of Object.entries(months)) {
      const charges = month(each);
      perNode.push(usd(charges) / each.hosts);
      console.log(
        `  ${name.padEnd(28)} ${(usd(charges) / each.hosts).toFixed(4)} USD a node, ${usd(charges).toFixed(2)} USD in all`,
      );
      const millions = (value: number) => `${(value / 1e6).toFixed(2)} M`;
      console.log(
        `  ${''.padEnd(28)} ${millions(charges.frontRequests)} requests, ${millions(charges.invocations)} invocations, ${Math.round(charges.gbSeconds)} GB-s, ${millions(charges.reads)} RRU, ${millions(charges.writes)} WRU, ${millions(charges.connectionMinutes)} connection minutes, ${millions(charges.messages)} messages`,
      );
    }
    const [idle, fenced, busy, fleet] = perNode as [number, number, number, number];
    const figures = {
      idle_tenant_usd_hour: 0,
      installation_clock_usd_month: MINUTES * usd(tick),
      idle_node_usd_month: idle,
      fenced_node_usd_month: fenced,
      busy_node_usd_month: busy,
      node_of_10000_usd_month: fleet,
    };
    console.log(`  a tenant without nodes       0 USD an hour beyond storage: nothing of it wakes anything
  the installation's clock     ${figures.installation_clock_usd_month.toFixed(3)} USD
  list prices beside it        ECS Anywhere ${PRICES.ecsAnywhereNodeMonth} USD a node, EKS ${PRICES.eksClusterMonth} USD a cluster`);
    return Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Math.round(value * 1e4) / 1e4]));
  } finally {
    await hosted.stop();
  }
}

const NOTHING: Charges = {
  reads: 0,
  writes: 0,
  calls: 0,
  invocations: 0,
  gbSeconds: 0,
  frontRequests: 0,
  messages: 0,
  connectionMinutes: 0,
};

/** So many times each, in all. Never less than nothing, which a straight line may come to. */
function combined(...terms: readonly (readonly [times: number, charges: Charges])[]): Charges {
  const sum = (name: keyof Charges) =>
    Math.max(
      0,
      terms.reduce((total, [times, charges]) => total + times * charges[name], 0),
    );
  const names = Object.keys(NOTHING) as (keyof Charges)[];
  return Object.fromEntries(names.map((name) => [name, sum(name)])) as unknown as Charges;
}

function line(name: string, charges: Charges): string {
  const { reads, writes, invocations, gbSeconds } = charges;
  const price = `${(usd(charges) * 1e6).toFixed(2).padStart(7)} USD per million`;
  return `${name.padEnd(11)} ${reads.toFixed(1).padStart(6)} RRU ${writes.toFixed(1).padStart(6)} WRU ${invocations.toFixed(1).padStart(5)} inv ${(gbSeconds * 1000).toFixed(1).padStart(7)} GB-ms  ${price}`;
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
    used.gb += (pool.invocations() * MEMORY[name as FunctionName]) / 1024;
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
