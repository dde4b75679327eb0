import { createHash, randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import type { Keyspace } from '../../../core/keyspace/types.ts';
import type { Inbox } from '../../../core/ports/inbox.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { SeenInstance } from '../../../core/ports/update-instances.ts';
import { newCluster } from '../../../core/resources/testing/fixtures.ts';
import type { UpdateGroup } from '../../../core/resources/schema/update-group.ts';
import { createResource, getResource, updateResource } from '../../../core/resources/write.ts';
import { memoryDataKeys } from '../../../core/secrets/testing/memory-data-keys.ts';
import { resumeGroup } from '../../../core/updates/care.ts';
import type { GroupView, InstanceView } from '../../../core/updates/api.ts';
import { groupView, instanceViews } from '../../../core/updates/views.ts';
import type { Report } from '../../../core/node/report.ts';
import { createNode } from '../../../functions/node/create-node.ts';
import { memoryInbox } from '../../../store/inbox-memory.ts';

/**
 * The hosts' side of the control plane over real HTTP, with the real routes, rules and books over a cluster in memory, and a folder of
 * payloads that it serves. Its one node joins as `edge-1`, labelled `site: edge`.
 */
export interface UpdatePlane {
  readonly url: string;
  readonly cluster: Keyspace;
  /** Called when a request of the host has come (`asked`), and before its answer goes (`answered`). */
  onRequest: (path: string, when: 'asked' | 'answered', body: string) => Promise<void>;
  /** Makes a package of one file and names it on the channel. */
  publish(version: string, file: { name: string; bytes: Uint8Array }, sha256?: string): Promise<void>;
  /** Files beside those of packages, at /files/NAME. */
  readonly files: Map<string, Uint8Array>;
  instance(): InstanceView | undefined;
  group(): GroupView;
  report(): Report | undefined;
  /** Reasons and messages of all happenings that the host has reported. */
  events(): string[];
  editGroup(change: (spec: UpdateGroup['spec']) => void): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const APPLICATION = 'acme-os';
const GROUP = 'edge';
export const NODE = 'edge-1';

export async function updatePlane(hosts: UpdateGroup['spec']['hosts']): Promise<UpdatePlane> {
  const cluster = await newCluster();
  const reports: Report[] = [];
  const kept = memoryInbox();
  const inbox: Inbox = {
    ...kept,
    put(tenant, name, item, ...rest) {
      reports.push(item.report);
      return kept.put(tenant, name, item, ...rest);
    },
  };
  const files = new Map<string, Uint8Array>();
  let seen: SeenInstance[] = [];
  let key: string | undefined;
  const context = () => ({ now: Date.now(), newUid: randomUUID });
  const create = (kind: 'UpdateGroup' | 'UpdateChannel' | 'UpdatePackage' | 'Node', name: string, spec: object, labels = {}) =>
    cluster.transact((txn) => createResource(txn, kind, { metadata: { name, labels }, spec } as never, context()));
  await create('UpdateChannel', 'stable', { application: APPLICATION });
  const policy = { maxUpdatesPerPeriod: 100, period: '1s' };
  await create('UpdateGroup', GROUP, { application: APPLICATION, channel: 'stable', policy, hosts });
  await create('Node', NODE, {}, { site: 'edge' });

  const host = { kind: 'host', tenant: 't', cluster: 'c', hostId: 'h1', nodeName: NODE } as const;
  const node = createNode({
    accounts: {
      hostOfKey: async (keyId) => (keyId === key ? { status: 'active', host } : undefined),
      join: async ({ publicKey }) => {
        key = publicKey;
        return { hostId: host.hostId, nodeName: NODE, tenant: 't', cluster: 'c', serverTime: Date.now() };
      },
      countRequest: () => {},
    },
    keyspaces: { open: async () => cluster },
    dataKeys: memoryDataKeys(),
    inbox,
    streams: { accept: async () => false },
    updates: {
      ticketKey: new Uint8Array(32),
      instances: {
        put: async (_tenant, _cluster, instance) => void (seen = [instance]),
        list: async () => seen,
        delete: async () => void (seen = []),
      },
      newUid: randomUUID,
    },
    clock: { now: () => Date.now() },
    log: silentLogger,
    clientIp: () => '127.0.0.1',
    onReport: () => {},
  });
  const app = new Hono();
  app.use(async (c, next) => {
    const body = c.req.method === 'POST' ? await c.req.raw.clone().text() : '';
    await plane.onRequest(c.req.path, 'asked', body);
    await next();
    await plane.onRequest(c.req.path, 'answered', body);
  });
  app.get('/files/:name', (c) => {
    const bytes = files.get(c.req.param('name'));
    return bytes ? c.body(bytes as Uint8Array<ArrayBuffer>) : c.notFound();
  });
  app.route('/', node);
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server;
  await new Promise((resolve) => server.once('listening', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const plane: UpdatePlane = {
    url,
    cluster,
    files,
    onRequest: async () => {},
    async publish(version, { name, bytes }, sha256 = createHash('sha256').update(bytes).digest('hex')) {
      files.set(name, bytes);
      const spec = {
        application: APPLICATION,
        version,
        arch: 'all',
        url: `${url}/files/`,
        files: [{ name, size: bytes.length, sha256 }],
      };
      await create('UpdatePackage', `os-${version.toLowerCase()}`, spec);
      await cluster.transact((txn) => {
        const channel = getResource(txn, 'UpdateChannel', '', 'stable')!;
        updateResource(
          txn,
          { ...channel, spec: { ...channel.spec, packages: { all: `os-${version.toLowerCase()}` } } },
          context(),
        );
      });
    },
    instance: () => instanceViews(cluster.view(), seen)[0],
    group: () => groupView(cluster.view(), getResource(cluster.view(), 'UpdateGroup', '', GROUP)!),
    report: () => reports.at(-1),
    events: () => [
      ...new Map(
        reports.flatMap(({ events }) => events.map(({ id, reason, message }) => [id, `${reason}: ${message}`])),
      ).values(),
    ],
    async editGroup(change) {
      await cluster.transact((txn) => {
        const group = structuredClone(getResource(txn, 'UpdateGroup', '', GROUP)!);
        change(group.spec);
        updateResource(txn, group, context());
      });
    },
    async resume() {
      await cluster.transact((txn) => resumeGroup(txn, GROUP, context()));
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return plane;
}
