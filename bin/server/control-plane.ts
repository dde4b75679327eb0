import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { LOOK_MS } from '../../core/node/listening.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Logger } from '../../core/ports/logger.ts';
import type { UpdateInstances } from '../../core/ports/update-instances.ts';
import type { Payloads } from '../../core/ports/payloads.ts';
import type { UpdateTokenStates } from '../../core/ports/update-tokens.ts';
import { bootstrapCluster } from '../../core/resources/namespaces.ts';
import { deleteResource } from '../../core/resources/write.ts';
import { StatusError } from '../../core/resources/status.ts';
import type { DataKeys } from '../../core/secrets/data-key.ts';
import { AnswersUnderWay } from '../../functions/node/kv/answers-under-way.ts';
import { forgetHost } from '../../functions/node/forget-host.ts';
import { type KvInterest, memoryInterest } from '../../functions/node/kv/interest.ts';
import { Connections } from '../../functions/push/connections.ts';
import { type EtcdServices, etcdServices } from '../../functions/etcd/services.ts';
import { kvHints } from '../../functions/push/kv-hints.ts';
import { localNotifier } from '../../functions/push/local-notifier.ts';
import { localRelay } from '../../functions/push/local-relay.ts';
import { type Reconciler, startReconciler } from '../../functions/reconcile/loop.ts';
import { type Accounts, type AccountsOptions, openAccounts } from '../../store/accounts/accounts.ts';
import { createTables, dynamoClient, EMBEDDED_TABLES } from '../../store/dynamodb.ts';
import { startDynoxide } from '../../store/dynoxide.ts';
import { openDataKeys } from '../../store/data-keys.ts';
import { everyCluster } from '../../store/every-cluster.ts';
import { dynamoInbox } from '../../store/inbox.ts';
import { listeningInbox } from '../../store/inbox-listening.ts';
import { watchedInbox } from '../../store/inbox-watched.ts';
import { keyFile } from '../../store/key-file.ts';
import { type OpenKeyspaces, openKeyspaces } from '../../store/keyspaces.ts';
import { logFiles } from '../../store/log-files/log-files.ts';
import { dynamoKvUsage } from '../../store/kv-usage.ts';
import { dynamoLeaseDeadlines } from '../../store/lease-deadlines.ts';
import { maildirMailer } from '../../store/maildir.ts';
import { dynamoUpdateInstances } from '../../store/update-instances.ts';
import { payloadFiles } from '../../store/payload-files.ts';
import { ticketKey } from '../../store/ticket-key.ts';
import { readUpdateTokens } from '../../store/update-tokens.ts';
import { dynamoTable } from '../../store/table.ts';
import { systemTiming } from '../../store/system-timing.ts';

/** The parts of the embedded control plane that have no HTTP in them, wired and running. */
export interface ControlPlane {
  readonly accounts: Accounts;
  readonly keyspaces: OpenKeyspaces;
  /** In which Secrets are sealed. */
  readonly dataKeys: DataKeys;
  readonly etcd: EtcdServices;
  readonly inbox: ReturnType<typeof watchedInbox>;
  readonly updateInstances: UpdateInstances;
  readonly updateTokens: UpdateTokenStates;
  readonly payloads: Payloads;
  /** Signs their URLs. */
  readonly ticketKey: Uint8Array;
  readonly connections: Connections;
  readonly relay: ReturnType<typeof localRelay>;
  readonly reconciler: Reconciler;
  readonly client: DynamoDBClient;
  /** Hosts that use their cluster's key-value store. */
  readonly kvInterest: KvInterest;
  readonly kvAnswersUnderWay: AnswersUnderWay;
  readonly clock: Clock;
  deleteNode(tenant: string, cluster: string, nodeName: string): Promise<boolean>;
  /** The host's push connection ended, and it has no other. */
  lost(host: HostPrincipal): void;
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  readonly dataDir: string;
  readonly log: Logger;
  readonly publicUrl: () => string;
  /** By default not: who runs an embedded server reads its mails, there is nobody to prove anything to. */
  readonly requireVerifiedEmail?: boolean;
  /** Shows a mail to the operator: it holds links that work, so it isn't for the log. */
  readonly print: (text: string) => void;
  /** Other limits than those of people: load tests have a plan of thousands of hosts, which all come from one address. */
  readonly limits?: ControlPlaneLimits;
}

export type ControlPlaneLimits = Pick<AccountsOptions, 'freePlan' | 'rateLimits'> & {
  /** Default: the machine's. Tests of what takes hours move one by hand. */
  readonly clock?: Clock;
};

/** How often is looked for counts of requests that have waited for long enough. */
const COUNT_MS = 15_000;

export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { dataDir, log, publicUrl, requireVerifiedEmail = false, print, limits } = options;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const { clock = { now: () => Date.now() }, ...plan } = limits ?? {};
  // First, for it takes the directory: nothing is made in one that is in use, or was written by a newer server.
  const store = await startDynoxide({ dataDir, log });
  try {
    const encryption = await keyFile(join(dataDir, 'secrets.key'));
    const client = dynamoClient({ endpoint: store.endpoint });
    await createTables(client);
    const dataKeys = openDataKeys({ table: dynamoTable(client, EMBEDDED_TABLES.tenant), encryption, clock, log });
    const connections = new Connections();
    const kvInterest = memoryInterest();
    const kvAnswersUnderWay = new AnswersUnderWay();
    const hintKv = kvHints({
      interest: kvInterest,
      brings: (...entry) => kvAnswersUnderWay.brings(...entry),
      clock,
      log,
      send(tenant, cluster, nodeNames, message) {
        for (const nodeName of nodeNames) connections.send(tenant, cluster, nodeName, message);
      },
    });
    const keyspaces = openKeyspaces({
      client,
      table: EMBEDDED_TABLES.tenant,
      clock,
      log,
      soleWriter: true,
      // Beside the table, which holds their snapshots: neither is whole without the other.
      files: logFiles(join(dataDir, 'store', 'logs')),
      onAppended(tenant, cluster, name, entry) {
        if (name === 'kv') void hintKv(tenant, cluster, entry);
      },
    });
    const etcd = etcdServices({
      keyspaces,
      deadlines: dynamoLeaseDeadlines(client, EMBEDDED_TABLES.tenant),
      usage: dynamoKvUsage(client, EMBEDDED_TABLES.tenant),
      timing: systemTiming(clock),
      soleKeeper: true,
      onError: (error, tenant, cluster) => log.error('keeping leases failed', { tenant, cluster, error: String(error) }),
    });
    const payloads = payloadFiles(join(dataDir, 'payloads'));
    const relay = localRelay(connections);
    // The inbox tells the reconciler of reports, and the reconciler reads the inbox.
    const heard = listeningInbox(
      dynamoInbox(client, EMBEDDED_TABLES.tenant),
      () => ({ wall: clock.now(), elapsed: performance.now() }),
      (missedMs) => log.info('time was missed, in which no host could be heard: it is not counted against them', { missedMs }),
    );
    const listening = setInterval(() => heard.look(), LOOK_MS);
    listening.unref();
    const inbox = watchedInbox(heard, (...report) => reconciler.reported(...report));
    const reconciler = startReconciler({
      keyspaces,
      inbox,
      notifier: localNotifier(connections),
      clock,
      logger: log,
      newUid: randomUUID,
      told: new Map(),
      listeningSince: () => heard.since(),
    });
    const mailer = maildirMailer({
      directory: join(dataDir, 'mail'),
      from: 'terrane@localhost',
      clock,
      print: (mail, file) => print(`\nmail to ${mail.to}: ${mail.subject} (${file})\n\n${mail.text}\n\n`),
    });
    const accounts = openAccounts({
      ...plan,
      client,
      tables: EMBEDDED_TABLES,
      clock,
      mailer,
      log,
      publicUrl,
      requireVerifiedEmail,
      soleWriter: true,
      hooks: {
        async onClusterCreated(tenant, cluster) {
          const registry = await keyspaces.open(tenant, cluster, 'registry');
          await registry.transact((txn) => bootstrapCluster(txn, { now: clock.now(), newUid: randomUUID }));
          // From now on its log is followed.
          reconciler.poke(tenant, cluster);
        },
        async onClusterDeleted(tenant, cluster) {
          await payloads.keepOnly(tenant, cluster, new Set());
          etcd.forget(tenant, cluster);
          await reconciler.forget(tenant, cluster);
          await keyspaces.forget(tenant, cluster);
        },
        async onNodeRevoked(tenant, cluster, nodeName) {
          connections.closeHost(tenant, cluster, nodeName);
          const context = () => ({ now: clock.now(), newUid: randomUUID });
          await forgetHost({ keyspaces, inbox, context }, tenant, cluster, nodeName);
        },
      },
    });
    for (const { tenant, cluster } of await everyCluster(client, EMBEDDED_TABLES.tenant)) {
      reconciler.poke(tenant, cluster);
      // The time of its leases goes on. Who asks first opens it otherwise.
      etcd
        .open(tenant, cluster)
        .catch((error: unknown) => log.error('leases are not kept', { tenant, cluster, error: String(error) }));
    }

    const counting = setInterval(() => void accounts.flushRequests('due'), COUNT_MS);
    counting.unref();

    return {
      accounts,
      keyspaces,
      dataKeys,
      etcd,
      inbox,
      updateInstances: dynamoUpdateInstances(client, EMBEDDED_TABLES.tenant, clock),
      payloads,
      ticketKey: await ticketKey(join(dataDir, 'payloads.key')),
      updateTokens: readUpdateTokens(dynamoTable(client, EMBEDDED_TABLES.tenant)),
      connections,
      relay,
      reconciler,
      client,
      kvInterest,
      kvAnswersUnderWay,
      clock,
      lost({ tenant, cluster, nodeName }) {
        inbox.markLost(tenant, cluster, nodeName, clock.now()).catch((error: unknown) => {
          // Then it is noticed when its next report is overdue.
          log.warn('the end of a push connection was not noted', { node: nodeName, problem: String(error) });
        });
      },
      async deleteNode(tenant, cluster, nodeName) {
        const registry = await keyspaces.open(tenant, cluster, 'registry');
        try {
          await registry.transact((txn) =>
            deleteResource(txn, 'Node', '', nodeName, {}, { now: clock.now(), newUid: randomUUID }),
          );
          return true;
        } catch (error) {
          if (error instanceof StatusError && error.status.reason === 'NotFound') return false;
          throw error;
        }
      },
      async stop() {
        clearInterval(counting);
        clearInterval(listening);
        await reconciler.stop();
        await accounts.flushRequests('all');
        await keyspaces.close();
        client.destroy();
        await store.stop();
      },
    };
  } catch (error) {
    await store.stop();
    throw error;
  }
}
