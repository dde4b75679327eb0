import { DEFAULT_SETTINGS } from '../core/controllers/settings.ts';
import { eventually } from '../test/support/eventually.ts';
import { hostedInstallation } from '../test/support/lambda/hosted-installation.ts';
import { runningPod } from '../test/support/lambda/visitors.ts';
import { type Charges, combined, line, NOTHING, usd } from './cost/charges.ts';
import { aCluster } from './cost/cluster.ts';
import { lambdaUsage } from './cost/lambda-usage.ts';
import { PRICES, PRICES_OF } from './cost/prices.ts';

/**
 * What a month of the hosted service costs. Each thing that happens in it is done once or a few times by the deployed bundles, with
 * everything that AWS charges for counted; then priced and multiplied by how often it happens.
 */

const REPEAT = 20;
const MINUTES = 30 * 24 * 60;
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

type Hosted = Awaited<ReturnType<typeof hostedInstallation>>;

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
