import { type Context, Hono } from 'hono';
import { TerraneError } from '../../core/errors/terrane-error.ts';
import type { Clock } from '../../core/ports/clock.ts';
import type { HostPrincipal } from '../../core/ports/identity.ts';
import type { Keyspaces } from '../../core/ports/keyspaces.ts';
import type { UpdateInstances } from '../../core/ports/update-instances.ts';
import type { ReadView } from '../../core/keyspace/types.ts';
import { parseDuration } from '../../core/resources/go-duration.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { UpdateGroup } from '../../core/resources/schema/update-group.ts';
import type { UpdatePackage } from '../../core/resources/schema/update-package.ts';
import { getResource, listResources } from '../../core/resources/write.ts';
import {
  type OfferedUpdate,
  type RebootLockAnswer,
  rebootLockSchema,
  type UpdateCheckAnswer,
  updateCheckSchema,
} from '../../core/updates/agent-protocol.ts';
import { codebaseOf } from '../../core/updates/codebase.ts';
import { checkIn } from '../../core/updates/check.ts';
import { updatesOfNode } from '../../core/updates/driven-hosts.ts';
import { isHost } from '../../core/updates/host-identity.ts';
import { acquire, release } from '../../core/updates/reboot-lock.ts';
import { answerOmaha } from '../updates/omaha.ts';
import { parseJson, readBytes } from '../read-body.ts';
import type { ReceivedBody } from './host-auth.ts';

export interface NodeUpdatesDeps {
  readonly keyspaces: Keyspaces;
  readonly instances: UpdateInstances;
  /** Signs URLs of payloads. */
  readonly ticketKey: Uint8Array;
  readonly clock: Clock;
  readonly clientIp: (c: Context) => string | undefined;
  newUid(): string;
}

const BODY_BYTES_MAX = 64 * 1024;

/** /node/v1/updates/*: what agents ask and tell of the updates that they do (core/updates/agent-protocol.ts). */
export function createNodeUpdates(
  deps: NodeUpdatesDeps,
  hostOf: (request: Request, body: ReceivedBody) => Promise<HostPrincipal>,
): Hono {
  const app = new Hono();
  const context = () => ({ now: deps.clock.now(), newUid: () => deps.newUid() });

  app.post('/check', async (c) => {
    const bytes = await readBytes(c.req.raw, BODY_BYTES_MAX);
    const { tenant, cluster, nodeName } = await hostOf(c.req.raw, bytes);
    const { group: name, version, arch, news, asks } = parseJson(bytes, updateCheckSchema);
    const registry = await deps.keyspaces.open(tenant, cluster, 'registry');
    const ctx = context();
    const { result } = await registry.transact((txn) => {
      const { node, group, application } = followed(txn, nodeName, name);
      const labels = () => node.metadata.labels ?? {};
      const report = { application, instance: nodeName, version, arch, labels, happenings: news, asks };
      return { application, answer: checkIn(txn, group, report, ctx) };
    });
    const { application, answer } = result;
    const { metadata, spec } = answer.group;
    const seen = { application, instance: nodeName, group: metadata.uid, at: ctx.now, version, arch, alias: nodeName, oem: '' };
    const ttl = parseDuration(spec.instanceTtl ?? '30d') ?? 0;
    await deps.instances.put(tenant, cluster, { ...seen, ip: deps.clientIp(c) ?? '' }, ttl);
    const { origin } = new URL(c.req.url);
    const told: UpdateCheckAnswer =
      answer.type === 'update'
        ? {
            type: 'update',
            update: offered(
              answer.package,
              codebaseOf(answer.package, { origin, tenant, cluster, now: ctx.now, key: deps.ticketKey }),
            ),
          }
        : answer.type === 'hold'
          ? { type: 'hold', reason: answer.reason }
          : { type: 'acknowledged' };
    return c.json(told);
  });

  app.post('/reboot-lock', async (c) => {
    const bytes = await readBytes(c.req.raw, BODY_BYTES_MAX);
    const { tenant, cluster, nodeName } = await hostOf(c.req.raw, bytes);
    const { group, action } = parseJson(bytes, rebootLockSchema);
    const registry = await deps.keyspaces.open(tenant, cluster, 'registry');
    const { result } = await registry.transact((txn) => {
      // What was taken may be given back, also by a host that has changed groups since.
      if (action === 'release') return release(txn, group, nodeName, context());
      followed(txn, nodeName, group);
      return acquire(txn, group, nodeName, context());
    });
    const answer: RebootLockAnswer =
      result.type === 'held'
        ? { held: action === 'acquire' }
        : { held: false, message: result.type === 'refused' ? result.message : `there is no UpdateGroup ${group}` };
    return c.json(answer);
  });

  // What update_engine asks, passed on by the agent of its host.
  app.post('/omaha', async (c) => {
    const bytes = await readBytes(c.req.raw, BODY_BYTES_MAX);
    const { tenant, cluster, nodeName } = await hostOf(c.req.raw, bytes);
    const registry = await deps.keyspaces.open(tenant, cluster, 'registry');
    const node = getResource(await registry.sync(), 'Node', '', nodeName);
    // The agent passes on what any program of its host sends: none of them may speak for another host.
    const speaksFor = (machineId: string) => node !== undefined && isHost(node, machineId);
    return answerOmaha(c, deps, { tenant, cluster, transact: (evaluate) => registry.transact(evaluate) }, bytes, speaksFor);
  });

  return app;
}

/** A host takes part in the groups that select it, and in no other. */
function followed(view: ReadView, nodeName: string, name: string): { node: Node; group: UpdateGroup; application: string } {
  const node = getResource(view, 'Node', '', nodeName);
  const group = getResource(view, 'UpdateGroup', '', name);
  const update = node && updatesOfNode(listResources(view, 'UpdateGroup'), node).find((one) => one.group === name);
  if (node && group && update) return { node, group, application: update.application };
  throw new TerraneError('not_found', `The node ${nodeName} does not follow an UpdateGroup ${name}.`, {
    fix: "Nothing need be done: its agent hears of it with the next assignment. Who follows a group is written in the group's spec.hosts.",
  });
}

function offered({ metadata, spec }: UpdatePackage, url: string): OfferedUpdate {
  return {
    package: metadata.name,
    version: spec.version,
    url,
    files: spec.files.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
  };
}
