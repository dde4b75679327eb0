import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpus } from 'node:os';
import type { Hono } from 'hono';
import type { Keyspace } from '../core/keyspace/types.ts';
import { silentLogger } from '../core/ports/logger.ts';
import { createResource } from '../core/resources/write.ts';
import type { WriteContext } from '../core/resources/write.ts';
import { writeInstance } from '../core/updates/book.ts';
import { openAccounts, type Accounts } from '../store/accounts/accounts.ts';
import { createUpdates } from '../functions/updates/create-updates.ts';
import { createTables, dynamoClient, EMBEDDED_TABLES } from '../store/dynamodb.ts';
import { startDynoxide } from '../store/dynoxide.ts';
import { type OpenKeyspaces, openKeyspaces } from '../store/keyspaces.ts';
import { type LogFiles, logFiles } from '../store/log-files/log-files.ts';
import { payloadFiles } from '../store/payload-files.ts';
import { dynamoTable } from '../store/table.ts';
import { readUpdateTokens, seenUpdateTokens } from '../store/update-tokens.ts';
import { dynamoUpdateInstances } from '../store/update-instances.ts';
import { countingProxy } from '../test/support/lambda/counting-proxy.ts';

/**
 * Omaha checks that change nothing, which nearly all are: how many a core answers, what one costs at DynamoDB, and whether a cluster with 100,000
 * instances that have a history is slower than one with 1,000. The updates app on the real embedded store; rounds of both clusters in turn.
 */

const SMALL = 1_000;
const LARGE = Number(process.env.TERRANE_BENCH_INSTANCES ?? 100_000);
const ROUNDS = 7;
const CHECKS = 1_000;
const CLIENTS = 16;
const clock = { now: () => Date.now() };
const context = (): WriteContext => ({ now: clock.now(), newUid: randomUUID });

export async function run(): Promise<Record<string, number>> {
  const dataDir = mkdtempSync(join(tmpdir(), 'terrane-bench-'));
  const dynoxide = await startDynoxide({ dataDir, log: silentLogger });
  const proxy = await countingProxy(dynoxide.endpoint);
  try {
    await createTables(dynamoClient(dynoxide));
    const files = logFiles(join(dataDir, 'logs'));
    const direct = service(dynoxide.endpoint, files);
    const small = await cluster(direct, 'small', SMALL);
    const large = await cluster(direct, 'large', LARGE);

    const took = { small: [] as number[], large: [] as number[] };
    let perCore = 0;
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, token, instances] of [
        ['small', small, SMALL],
        ['large', large, LARGE],
      ] as const) {
        const before = process.cpuUsage();
        took[name].push(await checks(direct.app, token, instances));
        const used = process.cpuUsage(before);
        perCore = Math.max(perCore, CHECKS / ((used.user + used.system) / 1e6));
      }
    }
    const units = { hosted: 0, embedded: 0 };
    const hosted = service(dynoxide.endpoint);
    const tokens = { hosted: await cluster(hosted, 'hosted', SMALL), embedded: small };
    const counted = { hosted: service(proxy.endpoint), embedded: service(proxy.endpoint, files) };
    for (const mode of ['hosted', 'embedded'] as const) {
      // The first one of a process also loads the replica, and learns whose the token is.
      await checks(counted[mode].app, tokens[mode], SMALL, 1, 1);
      const start = { ...proxy.counted };
      // One after the other: those that come at the same time share a look at the log's head.
      await checks(counted[mode].app, tokens[mode], SMALL, 200, 1);
      units[mode] = (proxy.counted.reads - start.reads + proxy.counted.writes - start.writes) / 200;
    }

    const slowdown = median(took.large) / median(took.small);
    const figures = {
      checks_per_s_per_core: Math.round(perCore),
      units_per_check: Math.max(units.hosted, units.embedded),
      slowdown_100k_vs_1k: slowdown,
      instances_large: LARGE,
    };
    console.log(
      `one core (of ${cpus()[0]?.model ?? 'this machine'}) answers ${figures.checks_per_s_per_core} checks/s; a check costs ${units.hosted} units hosted, ${units.embedded} embedded, the look-up of its token included (aim 2)`,
    );
    console.log(
      `${CHECKS} checks of ${SMALL} instances: ${median(took.small).toFixed(0)} ms; of ${LARGE}: ${median(took.large).toFixed(0)} ms; ratio ${slowdown.toFixed(2)}`,
    );
    await Promise.all([direct, hosted, counted.hosted, counted.embedded].map(({ keyspaces }) => keyspaces.close()));
    return figures;
  } finally {
    proxy.close();
    await dynoxide.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

interface Service {
  readonly app: Hono;
  readonly accounts: Accounts;
  readonly keyspaces: OpenKeyspaces;
}

/** As functions/updates/handler.ts and, with the files of its logs, bin/server/control-plane.ts put it together. */
function service(endpoint: string, files?: LogFiles): Service {
  const client = dynamoClient({ endpoint });
  const { tenant: table } = EMBEDDED_TABLES;
  const seen = seenUpdateTokens();
  const keyspaces = openKeyspaces({
    client,
    table,
    clock,
    log: silentLogger,
    ...(files ? { soleWriter: true, files } : { onBeside: (...looked: Parameters<typeof seen.seen>) => seen.seen(...looked) }),
  });
  const mailer = { send: async () => {} };
  const accounts = openAccounts({
    client,
    tables: EMBEDDED_TABLES,
    clock,
    mailer,
    log: silentLogger,
    publicUrl: () => 'http://127.0.0.1',
  });
  const app = createUpdates({
    // Counts are added every few minutes, whatever comes.
    accounts: { findUpdateToken: accounts.findUpdateToken, countRequest: () => {} },
    tokens: files ? readUpdateTokens(dynamoTable(client, table)) : seen,
    keyspaces,
    // Nothing lies with us here.
    payloads: payloadFiles(tmpdir()),
    ticketKey: new Uint8Array(32),
    instances: dynamoUpdateInstances(client, table, clock),
    clock,
    log: silentLogger,
    clientIp: () => '127.0.0.1',
    newUid: randomUUID,
  });
  return { app, accounts, keyspaces };
}

/** Makes an organisation with a cluster of so many instances. Returns an update token of it. */
async function cluster({ accounts, keyspaces }: Service, name: string, instances: number): Promise<string> {
  const signUp = { email: `${name}@example.com`, password: 'a long passphrase', organisation: name };
  const { token } = await accounts.signUp(signUp, {});
  const { principal } = await accounts.authenticate(token);
  const who = { actor: { ...principal, id: principal.userId } };
  const { id } = await accounts.createCluster(principal, name, who);
  await seed(await keyspaces.open(principal.tenant, id, 'registry'), instances);
  return (await accounts.createToken(principal, { kind: 'update', cluster: id }, who)).secret;
}

/** A group whose instances are current, each with the history of ten updates. */
async function seed(registry: Keyspace, instances: number): Promise<void> {
  const { result: group } = await registry.transact((txn) => {
    const create = (kind: 'UpdatePackage' | 'UpdateChannel' | 'UpdateGroup', name: string, spec: object) =>
      createResource(txn, kind, { metadata: { name }, spec: { application: 'flatcar', ...spec } } as never, context());
    const files = [{ name: 'update.gz', size: 1, sha256: '0'.repeat(64) }];
    create('UpdatePackage', 'os-2', { version: '2.0.0', url: 'https://files.example/', files });
    create('UpdateChannel', 'stable', { packages: { amd64: 'os-2' } });
    return create('UpdateGroup', 'prod', { channel: 'stable', policy: { maxUpdatesPerPeriod: 100, safeMode: false } });
  });
  const history = Array.from({ length: 20 }, (_, i) => ({ status: 'complete' as const, version: '1.0.0', at: i }));
  for (let from = 0; from < instances; from += 1000) {
    await registry.transact((txn) => {
      for (let i = from; i < Math.min(from + 1000, instances); i++)
        writeInstance(txn, 'flatcar', machine(i), {
          group: group.metadata.uid,
          record: { status: 'complete', package: { name: 'os-2', version: '2.0.0' }, since: 0, history },
        });
    });
  }
}

const machine = (i: number): string => i.toString(16).padStart(32, '0');

/** ms for `count` checks of random instances. */
async function checks(app: Hono, token: string, instances: number, count = CHECKS, clients = CLIENTS): Promise<number> {
  const start = performance.now();
  let left = count;
  await Promise.all(
    Array.from({ length: clients }, async () => {
      while (left-- > 0) {
        const id = machine(Math.floor(Math.random() * instances));
        const body = `<request protocol="3.0"><os platform="CoreOS"/><app appid="flatcar" version="2.0.0" track="prod" machineid="${id}" board="amd64-usr"><ping/><updatecheck/></app></request>`;
        const response = await app.request(`/updates/${token}/v1/update/`, { method: 'POST', body });
        const text = await response.text();
        if (!text.includes('noupdate')) throw new Error(`not the answer of a check that changes nothing: ${text}`);
      }
    }),
  );
  return performance.now() - start;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
