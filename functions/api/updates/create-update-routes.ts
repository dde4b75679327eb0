import { type Context, Hono } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { Keyspaces } from '../../../core/ports/keyspaces.ts';
import type { Payloads } from '../../../core/ports/payloads.ts';
import type { UpdateInstances } from '../../../core/ports/update-instances.ts';
import { getResource, listResources } from '../../../core/resources/write.ts';
import { forget, resumeGroup } from '../../../core/updates/care.ts';
import { type HaltRequest, haltAsked, haltRequestSchema } from '../../../core/updates/halt-request.ts';
import { haltGroup } from '../../../core/updates/halting.ts';
import { updateMetrics } from '../../../core/updates/metrics.ts';
import { release } from '../../../core/updates/reboot-lock.ts';
import { groupView, instanceViews } from '../../../core/updates/views.ts';
import type { ApiEnv } from '../../context.ts';
import { readBytes } from '../../read-body.ts';
import { pathParam } from '../accounts/path-param.ts';
import { payloadRoutes } from './payload-routes.ts';
import type { AuditedWrite } from '../kube/deps.ts';

export interface UpdateRoutesDeps {
  readonly keyspaces: Keyspaces;
  readonly instances: UpdateInstances;
  readonly payloads: Payloads;
  readonly clock: Clock;
  newUid(): string;
  onWrite(write: AuditedWrite): void;
}

/** What Alertmanager sends of a few hundred alerts. */
const HALT_BODY_MAX = 1024 * 1024;

/**
 * What people see and do of updates beyond the resources: instances, what is under way, a halted group, reboot slots. Mount it under
 * `/clusters/:cluster/updates`, behind `authenticate` and `requireCluster`.
 */
export function createUpdateRoutes(deps: UpdateRoutesDeps): Hono<ApiEnv> {
  const { keyspaces, instances, clock } = deps;
  const app = new Hono<ApiEnv>();
  const registry = (c: Context<ApiEnv>) => keyspaces.open(c.var.cluster.tenant, c.var.cluster.id, 'registry');
  const context = () => ({ now: clock.now(), newUid: () => deps.newUid() });
  const noGroup = (name: string) => new TerraneError('not_found', `There is no UpdateGroup ${name}.`);
  const wrote = (c: Context<ApiEnv>, name: string, subresource: string, verb: AuditedWrite['verb'], revision: number) => {
    const { principal, cluster } = c.var;
    deps.onWrite({ principal, cluster, verb, kind: 'UpdateGroup', namespace: '', name, subresource, revision });
  };

  app.route('/', payloadRoutes(deps));

  app.get('/instances', async (c) => {
    const { tenant, id } = c.var.cluster;
    const [keyspace, seen] = await Promise.all([registry(c), instances.list(tenant, id)]);
    return c.json({ instances: instanceViews(await keyspace.sync(), seen) });
  });

  app.get('/metrics', async (c) => {
    const { tenant, id } = c.var.cluster;
    const [keyspace, seen] = await Promise.all([registry(c), instances.list(tenant, id)]);
    const view = await keyspace.sync();
    const text = updateMetrics(listResources(view, 'UpdateGroup'), instanceViews(view, seen), clock.now());
    return c.body(text, 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
  });

  app.delete('/instances/:application/:id', async (c) => {
    const [application, instance] = [pathParam(c, 'application'), pathParam(c, 'id')];
    const { tenant, id } = c.var.cluster;
    const seen = (await instances.list(tenant, id)).some((one) => one.application === application && one.instance === instance);
    const { result, revision } = await (await registry(c)).transact((txn) => forget(txn, application, instance, context()));
    if (!result && !seen) throw new TerraneError('not_found', `There is no instance ${instance} of ${application}.`);
    await instances.delete(tenant, id, application, instance);
    wrote(c, instance, 'instances', 'delete', revision);
    return c.body(null, 204);
  });

  app.get('/groups/:group', async (c) => {
    const name = pathParam(c, 'group');
    const view = await (await registry(c)).sync();
    const group = getResource(view, 'UpdateGroup', '', name);
    if (!group) throw noGroup(name);
    return c.json(groupView(view, group));
  });

  app.post('/groups/:group/resume', async (c) => {
    const name = pathParam(c, 'group');
    const { result, revision } = await (await registry(c)).transact((txn) => resumeGroup(txn, name, context()));
    if (!result) throw noGroup(name);
    wrote(c, name, 'resume', 'update', revision);
    return c.body(null, 204);
  });

  app.post('/groups/:group/halt', async (c) => {
    const name = pathParam(c, 'group');
    const asked = haltAsked(await haltRequest(c));
    const { result, revision } = await (await registry(c)).transact((txn) =>
      asked ? haltGroup(txn, name, asked.reason, asked.message, context()) : getResource(txn, 'UpdateGroup', '', name),
    );
    if (!result) throw noGroup(name);
    if (asked) wrote(c, name, 'halt', 'update', revision);
    return c.body(null, 204);
  });

  app.delete('/groups/:group/reboots/:id', async (c) => {
    const [name, id] = [pathParam(c, 'group'), pathParam(c, 'id')];
    const { result, revision } = await (await registry(c)).transact((txn) => release(txn, name, id, context()));
    if (result.type === 'unknown-group') throw noGroup(name);
    wrote(c, name, 'reboots', 'delete', revision);
    return c.body(null, 204);
  });

  return app;
}

async function haltRequest(c: Context<ApiEnv>): Promise<HaltRequest> {
  const text = new TextDecoder().decode(await readBytes(c.req.raw, HALT_BODY_MAX));
  const parsed = haltRequestSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  throw new TerraneError('invalid_request', 'Expected {"reason": "..."}, or what Alertmanager sends to a webhook receiver.', {
    fix: 'terrane update group halt GROUP --reason TEXT does so.',
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
