import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import { type EtcdServer, type EtcdServerOptions, startEtcdServer } from '../../../agent/etcd/start-etcd-server.ts';
import { identityOf } from '../../../core/etcd/identity.ts';
import { keyspaceService } from '../../../core/etcd/keyspace-service.ts';
import { memoryLeaseDeadlines } from '../../../core/etcd/memory-lease-deadlines.ts';
import type { EtcdService } from '../../../core/etcd/service.ts';
import { memoryKeyspace } from '../../../core/keyspace/memory.ts';
import { systemSchedule } from '../../../functions/etcd/services.ts';

export interface OurEtcd {
  readonly host: string;
  readonly port: number;
  readonly url: string;
  readonly service: EtcdService;
  readonly errors: unknown[];
  readonly server: EtcdServer;
  stop(): Promise<void>;
}

const TIMING = { now: () => Date.now(), elapsed: () => performance.now(), pause: (ms: number) => pause(ms), random: Math.random };

/** The host's endpoint in this process, over a keyspace in memory and in real time. */
export async function startOurs(options: Partial<EtcdServerOptions> = {}): Promise<OurEtcd> {
  const errors: unknown[] = [];
  const identity = identityOf('test');
  const service =
    options.service ??
    keyspaceService({
      keyspace: memoryKeyspace(),
      deadlines: memoryLeaseDeadlines(),
      timing: TIMING,
      schedule: systemSchedule,
      randomBytes,
      soleKeeper: true,
      member: {
        id: identity.memberId,
        name: 'default',
        peerUrls: ['http://localhost:2380'],
        clientUrls: ['http://localhost:2379'],
      },
      onError: (error) => errors.push(error),
    });
  const server = await startEtcdServer({
    service,
    identity,
    listen: [{ host: '127.0.0.1', port: 0 }],
    onError: (error) => errors.push(error),
    ...options,
  });
  const { host, port } = server.listening[0] as { host: string; port: number };
  return { host, port, url: `http://${host}:${port}`, service, errors, server, stop: () => server.close() };
}
