import { CODE, EtcdError } from '../../../core/etcd/errors.ts';
import { keyJson, number, some } from '../../../core/etcd/json/answers.ts';
import { leaseGrantRequest, leaseRequest, leaseTimeToLiveRequest } from '../../../core/etcd/json/requests.ts';
import { grantedSeconds, listLeases, randomLeaseId } from '../../../core/etcd/leases.ts';
import { answer, requireWriter } from './answer.ts';
import { readMessage } from './body.ts';
import type { EtcdRequest } from './deps.ts';

/** Leases without their clock: they are granted, hold keys and are revoked, but nothing expires yet (docs/etcd-api.md). */

export async function serveLeaseGrant(request: EtcdRequest): Promise<Response> {
  requireWriter(request);
  const message = await readMessage(request.c, leaseGrantRequest);
  const ttlSeconds = grantedSeconds(message.ttl);
  const id = message.id || randomLeaseId(() => request.deps.random());
  const { revision } = await request.keyspace.transact((txn) => txn.grant(id, ttlSeconds));
  return answer(request, revision, { ID: number(id), TTL: number(ttlSeconds) });
}

export async function serveLeaseRevoke(request: EtcdRequest): Promise<Response> {
  requireWriter(request);
  const { id } = await readMessage(request.c, leaseRequest);
  const { revision } = await request.keyspace.transact((txn) => txn.revoke(id));
  return answer(request, revision);
}

/** A lease that doesn't exist has -1 seconds to live: that is no error. */
export async function serveLeaseTimeToLive(request: EtcdRequest): Promise<Response> {
  const message = await readMessage(request.c, leaseTimeToLiveRequest);
  const { revision } = await request.keyspace.sync();
  const lease = request.keyspace.lease(message.id);
  if (!lease) return answer(request, revision, { ID: number(message.id), TTL: number(-1) });
  const seconds = number(lease.ttlSeconds);
  const keys = message.keys ? some([...lease.keys].sort().map(keyJson)) : undefined;
  return answer(request, revision, { ID: number(lease.id), TTL: seconds, grantedTTL: seconds, keys });
}

export async function serveLeaseLeases(request: EtcdRequest): Promise<Response> {
  const { revision } = await request.keyspace.sync();
  const leases = listLeases(request.keyspace.leases()).map(({ id }) => ({ ID: number(id) }));
  return answer(request, revision, { leases: some(leases) });
}

/** Refused rather than pretended: a client that keeps a lease alive counts on its end when it stops doing so. */
export async function serveLeaseKeepAlive(): Promise<Response> {
  throw new EtcdError(
    CODE.unimplemented,
    'keeping leases alive is not served yet: leases do not expire here, revoke them when you are done',
  );
}
