import type { Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Keyspace } from '../../../core/keyspace/types.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import type { SeenInstance } from '../../../core/ports/update-instances.ts';
import { newCluster } from '../../../core/resources/testing/fixtures.ts';
import { createResource } from '../../../core/resources/write.ts';
import { payloadFiles } from '../../../store/payload-files.ts';
import { createUpdates } from '../create-updates.ts';

/** The app over a cluster in memory, with the token `t`; too many have asked with the token `flood`. */
export interface UpdatesHarness {
  readonly app: Hono;
  readonly cluster: Keyspace;
  readonly seen: SeenInstance[];
  /** Requests that were counted, `<tenant> <face>`. */
  readonly counted: string[];
  /** Keyspaces that were opened, one for each request that got so far. */
  readonly opened: string[];
  readonly clock: { at: number };
  /** From now on the token is good for nothing. */
  revoke(): void;
  create(kind: 'UpdateGroup' | 'UpdateChannel' | 'UpdatePackage', name: string, spec: object): Promise<void>;
  send(method: string, path: string, body?: string, headers?: Record<string, string>): Promise<Response>;
}

/** `directory`: of payloads. */
export async function updatesHarness(directory = '/nowhere'): Promise<UpdatesHarness> {
  const cluster = await newCluster();
  const clock = { at: Date.parse('2026-11-25T12:00:00Z') };
  const seen: SeenInstance[] = [];
  const counted: string[] = [];
  const opened: string[] = [];
  let uids = 0;
  let revoked = false;
  const newUid = () => `uid-${uids++}`;
  const app = createUpdates({
    accounts: {
      countRequest: (tenant, face) => void counted.push(`${tenant} ${face}`),
      findUpdateToken: async (token) => {
        if (token === 'flood') throw new TerraneError('rate_limited', undefined, { retryAfter: 7 });
        if (token !== 't') throw new TerraneError('token_unknown');
        return { tenant: 'acme', cluster: 'prod', id: 'one', expiresAt: Number.POSITIVE_INFINITY };
      },
    },
    tokens: { isGood: async () => !revoked },
    payloads: payloadFiles(directory),
    ticketKey: new Uint8Array(32),
    keyspaces: { open: async () => (opened.push('registry'), cluster) },
    instances: {
      put: async (_tenant, _cluster, instance) => void seen.push(instance),
      list: async () => seen,
      delete: async () => {},
    },
    clock: { now: () => clock.at },
    log: silentLogger,
    clientIp: () => '192.0.2.1',
    newUid,
  });
  return {
    app,
    cluster,
    seen,
    counted,
    opened,
    clock,
    revoke: () => void (revoked = true),
    async create(kind, name, spec) {
      await cluster.transact((txn) =>
        createResource(txn, kind, { metadata: { name }, spec } as never, { now: clock.at, newUid }),
      );
    },
    async send(method, path, body, headers = {}) {
      const authorization = `Basic ${Buffer.from('update:t').toString('base64')}`;
      return app.request(path, { method, headers: { authorization, ...headers }, ...(body !== undefined && { body }) });
    },
  };
}
