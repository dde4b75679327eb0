import { randomUUID } from 'node:crypto';
import { pushConnections } from '../../store/connections.ts';
import { dynamoKvInterest } from '../../store/kv-interest.ts';
import { logExists } from '../../store/log-exists.ts';
import { dynamoWakes } from '../../store/wakes.ts';
import { required } from '../hosted/environment.ts';
import { hostedEtcd } from '../hosted/etcd.ts';
import type { InvocationContext } from '../hosted/function-url.ts';
import { beforeFreeze } from '../hosted/serve.ts';
import { hostedStore } from '../hosted/store.ts';
import { apiGateway } from '../push/api-gateway.ts';
import { kvHints } from '../push/kv-hints.ts';
import { hostedRunner, inParallel } from './runner.ts';
import { kvNewsOf, newsOf, type StreamRecord } from './stream-news.ts';

/** Lambda of the tenant table's stream and of the clock that ticks each minute. */

interface StreamEvent {
  readonly Records: readonly StreamRecord[];
}

interface ClockEvent {
  readonly source: 'aws.events';
}

/** Records from here on are handed over again (https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html). */
interface BatchResult {
  readonly batchItemFailures: { readonly itemIdentifier: string }[];
}

const CLUSTERS_AT_ONCE = 8;
const ALARMS_AT_A_TIME = 200;
/** An alarm's run must fit into what is left of the invocation, ms. */
const RUN_MS = 20_000;

/**
 * An alarm is set for a whole minute, the clock that asks ticks once a minute, and a run that failed comes again after one: who is looked at later than that was
 * not looked at by anybody.
 */
const LATE_MS = 180_000;

const store = hostedStore();
const { client, clock, inbox, keyspaces, log, tables } = store;
const gateway = apiGateway({
  connections: pushConnections(client, tables, clock),
  endpoint: required('pushEndpoint'),
  log,
  onLost: ({ tenant, cluster, nodeName }) => inbox.markLost(tenant, cluster, nodeName, clock.now()),
});
const hintKv = kvHints({
  interest: dynamoKvInterest(client, tables.tenant),
  clock,
  log,
  send: (...message) => gateway.send(...message),
});
const etcd = hostedEtcd(store);
const runner = hostedRunner({
  keyspaces,
  inbox,
  clock,
  logger: log,
  newUid: randomUUID,
  told: new Map(),
  lateMs: LATE_MS,
  notifier: gateway,
  wakes: dynamoWakes(client, tables.identity),
  exists: logExists(client, tables.tenant),
  expireLeases: async (tenant, cluster) => (await etcd.open(tenant, cluster)).lessor.expire(),
});

export async function handler(event: StreamEvent | ClockEvent, context: InvocationContext): Promise<BatchResult | undefined> {
  try {
    if ('Records' in event) return await onRecords(event.Records);
    await onClock(context);
    return undefined;
  } finally {
    await beforeFreeze(store);
  }
}

async function onRecords(records: readonly StreamRecord[]): Promise<BatchResult> {
  const failures: string[] = [];
  const told = inParallel(kvNewsOf(records), CLUSTERS_AT_ONCE, ({ tenant, cluster, sequence }) =>
    hintKv(tenant, cluster, { sequence }),
  );
  await inParallel(newsOf(records), CLUSTERS_AT_ONCE, async (news) => {
    try {
      await runner.news(news);
    } catch (error) {
      log.error('news of a cluster is left for a retry', { cluster: news.cluster, problem: String(error) });
      failures.push(news.firstSequence);
    }
  });
  await told;
  return { batchItemFailures: failures.map((itemIdentifier) => ({ itemIdentifier })) };
}

async function onClock(context: InvocationContext): Promise<void> {
  while (context.getRemainingTimeInMillis() > RUN_MS) {
    if ((await runner.alarms(ALARMS_AT_A_TIME, CLUSTERS_AT_ONCE)) < ALARMS_AT_A_TIME) return;
  }
}
