import { ScanCommand } from '@aws-sdk/client-dynamodb';
import { Hono } from 'hono';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { HostPrincipal } from '../../../core/ports/identity.ts';
import { createResource } from '../../../core/resources/write.ts';
import { fixedContext, podSpec } from '../../../core/resources/testing/fixtures.ts';
import { createAccounts } from '../../../functions/api/accounts/create-accounts.ts';
import { authenticate } from '../../../functions/api/auth/authenticate.ts';
import { requireCluster } from '../../../functions/api/auth/require-cluster.ts';
import { clusterResources } from '../../../functions/api/cluster-resources.ts';
import { createKube } from '../../../functions/api/kube/create-kube.ts';
import { auditWrite } from '../../../functions/api/audit-write.ts';
import { assignments } from '../../../functions/node/assignments.ts';
import { onError } from '../../../functions/on-error.ts';
import type { ApiEnv } from '../../../functions/context.ts';
import { confidentialKeyspaces } from '../../../core/secrets/confidential-keyspaces.ts';
import { type ControlPlane, startControlPlane } from '../../../bin/server/control-plane.ts';
import { jsonLogger } from '../../../bin/server/logger.ts';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { unpack } from '../../../store/packed.ts';

const START_MS = 120_000;

let dataDir = '';
let plane: ControlPlane;
let app: Hono<ApiEnv>;
let token = '';
let tenant = '';
let cluster = '';
const logged: string[] = [];

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'terrane-at-rest-'));
  await start();
  const login = await ask('POST', '/v1/signup', {
    email: 'ada@example.com',
    password: 'correct horse battery',
    organisation: 'Acme',
  });
  token = login.token as string;
  tenant = (login.organisation as { id: string }).id;
  cluster = (await ask('POST', '/v1/clusters', { name: 'prod' })).id as string;
}, START_MS);
afterAll(async () => {
  await plane.stop();
  rmSync(dataDir, { recursive: true });
});

/** The embedded server without its sockets. */
async function start(): Promise<void> {
  const log = jsonLogger((line) => void logged.push(line));
  plane = await startControlPlane({
    dataDir,
    log,
    publicUrl: () => 'http://terrane.test',
    print: (text) => void logged.push(text),
  });
  const { accounts, clock, keyspaces, relay, dataKeys } = plane;
  const confidential = confidentialKeyspaces(keyspaces, dataKeys);
  app = new Hono<ApiEnv>();
  app.onError(onError({ log }));
  const info = () => ({ version: '0', url: 'http://terrane.test', manifestKey: '' });
  const shared = { clientIp: () => undefined, loginProviders: async () => [], log, accounts };
  app.route('/', createAccounts({ ...shared, info, deleteNode: async () => false, resources: clusterResources(confidential) }));
  app.use('/clusters/:cluster/*', authenticate({ accounts }), requireCluster({ accounts }));
  const kube = createKube({
    keyspaces: confidential,
    relay,
    clock,
    newUid: () => crypto.randomUUID(),
    onError: (error) => log.error('a Kubernetes API request failed', { error }),
    onWrite: (write) => void auditWrite(accounts, log, write),
  });
  app.route('/clusters/:cluster', kube);
}

async function send(method: string, path: string, body?: unknown, type = 'application/json'): Promise<Response> {
  return app.request(`http://terrane.test${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': type },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function ask(method: string, path: string, body?: unknown, type?: string): Promise<Record<string, unknown>> {
  const answer = await send(method, path, body, type);
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return text ? (JSON.parse(text) as Record<string, unknown>) : {};
}

const secrets = () => `/clusters/${cluster}/api/v1/namespaces/default/secrets`;
const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Everything that the tables hold: every attribute's text and bytes, unpacked where we packed them. */
async function inTables(): Promise<string> {
  const found: string[] = [];
  for (const TableName of Object.values(EMBEDDED_TABLES)) {
    let ExclusiveStartKey: Record<string, { S: string }> | undefined;
    do {
      const page = await plane.client.send(new ScanCommand({ TableName, ConsistentRead: true, ExclusiveStartKey }));
      for (const item of page.Items ?? []) {
        for (const { S, B } of Object.values(item)) {
          if (S !== undefined) found.push(S);
          if (B === undefined) continue;
          found.push(Buffer.from(B).toString('latin1'));
          if (Object.values(item).length > 3) found.push(unpacked(B));
        }
      }
      ExclusiveStartKey = page.LastEvaluatedKey as typeof ExclusiveStartKey;
    } while (ExclusiveStartKey);
  }
  return found.join('\n');
}

function unpacked(bytes: Uint8Array): string {
  try {
    return Buffer.from(unpack(bytes, 'item')).toString('latin1');
  } catch {
    // Not one of ours: a wrapped key, or a part of something larger.
    return '';
  }
}

/** The files beside the tables as they lie on the disk. */
function onDisk(): string {
  const files = readdirSync(dataDir, { recursive: true, encoding: 'utf8' }).map((name) => join(dataDir, name));
  return files
    .filter((file) => statSync(file).isFile())
    .map((file) => readFileSync(file).toString('latin1'))
    .join('\n');
}

/** As it is, and as it looks inside of something that is base64: that is how the store's file keeps bytes. */
function forms(text: string): string[] {
  const inside = [0, 1, 2].map((before) => base64(`${'-'.repeat(before)}${text}`).slice(4, -4));
  return [text, ...inside];
}

function isIn(place: string, text: string): boolean {
  return forms(text).some((form) => place.includes(form));
}

async function expectNowhere(...texts: string[]): Promise<void> {
  for (const place of [await inTables(), onDisk(), logged.join('\n')])
    for (const text of texts) expect(isIn(place, text)).toBe(false);
}

test('what looks through tables, files and logs would find a value that was written in the clear', async () => {
  const canary = `canary-${randomBytes(9).toString('hex')}`;
  await ask('POST', `/clusters/${cluster}/api/v1/namespaces/default/configmaps`, {
    metadata: { name: 'canary' },
    data: { a: canary },
  });
  await (await plane.keyspaces.open(tenant, cluster, 'registry')).snapshot();
  expect([isIn(await inTables(), canary), isIn(onDisk(), canary)]).toEqual([true, true]);
});

describe('a Secret', () => {
  const password = `pw-${randomBytes(12).toString('hex')}`;
  const next = `next-${randomBytes(12).toString('hex')}`;
  const applied = `applied-${randomBytes(12).toString('hex')}`;
  const host = (nodeName: string): HostPrincipal => ({ kind: 'host', tenant, cluster, hostId: nodeName, nodeName });

  test('is given back by the API after create, patch, list, table and watch, and is nowhere in the store or the log', async () => {
    const watch = await send('GET', `${secrets()}?watch=1&timeoutSeconds=5`);
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ stringData: { a: applied } }) };
    await ask('POST', secrets(), { metadata: { name: 'db', annotations }, stringData: { password } });
    expect(await ask('GET', `${secrets()}/db`)).toMatchObject({
      data: { password: base64(password) },
      metadata: { annotations },
    });

    const merge = { data: { password: base64(next) } };
    await ask('PATCH', `${secrets()}/db`, merge, 'application/merge-patch+json');
    const test = [{ op: 'test', path: '/data/password', value: base64('wrong') }];
    const refused = await send('PATCH', `${secrets()}/db`, test, 'application/json-patch+json');
    expect(refused.status).toBe(422);
    expect(await refused.text()).not.toContain(base64(next));
    const conflict = await send('POST', secrets(), { metadata: { name: 'db' }, stringData: { password } });
    expect(await conflict.text()).not.toContain(password);
    expect(await ask('GET', secrets())).toMatchObject({ items: [{ data: { password: base64(next) } }] });

    let seen = '';
    for await (const chunk of watch.body!.pipeThrough(new TextDecoderStream())) {
      seen += chunk;
      if (seen.includes('MODIFIED')) break;
    }
    expect(seen).toContain(base64(password));
    expect(seen).toContain(base64(next));

    await (await plane.keyspaces.open(tenant, cluster, 'registry')).snapshot();
    await expectNowhere(password, base64(password), next, base64(next), applied);
  });

  test('is kept from others by a key file that only its owner reads', () => {
    expect(statSync(join(dataDir, 'secrets.key')).mode & 0o777).toBe(0o600);
  });

  test('goes to the host whose pod needs it, in the clear, and to no other', async () => {
    const registry = await plane.keyspaces.open(tenant, cluster, 'registry');
    await registry.transact((txn) => {
      for (const name of ['needs', 'other']) createResource(txn, 'Node', { metadata: { name } }, fixedContext());
      const [container] = podSpec().containers;
      const env = [{ name: 'PW', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }];
      const spec = { nodeName: 'needs', containers: [{ ...container, env }] };
      createResource(txn, 'Pod', { metadata: { name: 'p1', namespace: 'default' }, spec }, fixedContext());
      createResource(
        txn,
        'Pod',
        { metadata: { name: 'p2', namespace: 'default' }, spec: { ...podSpec(), nodeName: 'other' } },
        fixedContext(),
      );
    });
    const assigned = assignments({ ...plane, log: jsonLogger((line) => void logged.push(line)) });
    const needs = (await assigned.read(host('needs')))!;
    expect(needs.assignment!.secrets).toMatchObject([{ kind: 'Secret', data: { password: base64(next) } }]);
    expect(await assigned.read(host('needs'), needs.etag)).not.toHaveProperty('assignment');
    const other = JSON.stringify(await assigned.read(host('other')));
    expect(other).not.toContain(base64(next));
    expect(other).not.toContain('sealed');
  });

  test('is exported in the clear to an owner', async () => {
    expect(await (await send('GET', '/v1/organisation/export')).text()).toContain(base64(next));
  });

  test(
    'is read again by a server that was started again',
    async () => {
      await plane.stop();
      await start();
      expect(await ask('GET', `${secrets()}/db`)).toMatchObject({ data: { password: base64(next) } });
    },
    START_MS,
  );

  test('can not be read any more, by anybody, once its organisation is deleted', async () => {
    const copy = (await inTables()).match(/1\.1\.[A-Za-z0-9+/]{40,}/);
    expect(copy).not.toBeNull();
    await ask('DELETE', '/v1/organisation', { confirm: 'Acme' });
    expect(await inTables()).not.toContain(tenant);
    await expect(plane.dataKeys.load(tenant, { id: 7 })).rejects.toMatchObject({ code: 'secret_unreadable' });
    expect(plane.dataKeys.ring(tenant).get(1)).toBeUndefined();
  });
});
