import { type Context, Hono } from 'hono';
import * as z from 'zod';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { patchMachines } from '../../../core/fleet/api/patch-machines.ts';
import { pageOf } from '../../../core/fleet/api/page.ts';
import { putUnit } from '../../../core/fleet/api/put-unit.ts';
import { FleetError } from '../../../core/fleet/api/shapes.ts';
import { machineViews, stateViews, unitView } from '../../../core/fleet/api/views.ts';
import { machineIds } from '../../../core/fleet/machine-id.ts';
import { unitNameProblem } from '../../../core/fleet/unit-name.ts';
import type { Keyspace, ReadView } from '../../../core/keyspace/types.ts';
import type { Clock } from '../../../core/ports/clock.ts';
import type { Keyspaces } from '../../../core/ports/keyspaces.ts';
import type { Unit } from '../../../core/resources/schema/unit.ts';
import { StatusError } from '../../../core/resources/status.ts';
import { deleteResource, getResource, listResources } from '../../../core/resources/write.ts';
import type { ApiEnv } from '../../context.ts';
import { readBytes } from '../../read-body.ts';
import { isStoreTrouble } from '../../store-trouble.ts';
import { roleAllows } from '../kube/authorise.ts';
import type { AuditedWrite } from '../kube/deps.ts';
import { discoveryDocument } from './discovery.ts';

export interface FleetDeps {
  readonly keyspaces: Keyspaces;
  readonly clock: Clock;
  newUid(): string;
  /** Called after each commit, for the audit log. */
  onWrite?(write: AuditedWrite): void;
  /** Called for errors that are the server's fault; the client gets a 500 without details. */
  onError?(error: unknown, requestId: string): void;
}

/** A unit file may have 128 KB; as JSON, option by option, it is longer. */
const BODY_BYTES_MAX = 1024 * 1024;
/** Below /clusters/:cluster. */
const FLEET_PREFIXES = ['/fleet/v1', '/v1-alpha'] as const;

/**
 * fleet's HTTP API v1 over a cluster's Units (docs/fleet.md), as fleetctl speaks it. Mount it under `/clusters/:cluster`, behind middleware that has set
 * `principal` and `cluster`, and before whatever takes all of a cluster's paths. Viewers may read; units are root on hosts, so writing is for admins.
 */
export function createFleet(deps: FleetDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  for (const prefix of FLEET_PREFIXES) app.route(prefix, version1(deps, prefix));
  return app;
}

function version1(deps: FleetDeps, prefix: string): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();
  const only = (path: string, ...methods: string[]) =>
    app.all(path, (c) => {
      c.header('allow', methods.join(', '));
      const last = methods.length > 1 ? ` and ${methods.at(-1)}` : '';
      const names = methods.length > 1 ? methods.slice(0, -1).join(', ') : methods[0];
      throw new FleetError(405, `only ${names}${last} supported against this resource`);
    });

  app.get('/discovery', (c) => {
    const url = new URL(c.req.url);
    const path = url.pathname.slice(1, url.pathname.lastIndexOf(prefix) + prefix.length);
    return c.json(discoveryDocument(`${url.protocol}//${url.host}/`, `${path}/`));
  });
  only('/discovery', 'GET');

  app.get('/machines', async (c) => {
    const view = await read(deps, c);
    return page(c, 'machines', machineViews(listResources(view, 'Node')));
  });
  app.patch('/machines', async (c) => {
    requireWriter(c, 'nodes');
    const operations = await readJson(c);
    const keyspace = await open(deps, c);
    const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const { result, revision } = await keyspace.transact((txn) => patchMachines(txn, operations, ctx));
    for (const name of result) tell(deps, c, 'Node', 'patch', name, revision);
    return c.body(null, 204);
  });
  only('/machines', 'GET', 'PATCH');

  app.get('/units', async (c) => {
    const view = await read(deps, c);
    const ids = machineIds(listResources(view, 'Node'));
    const { items, next } = pageOf(living(view), c.req.queries('nextPageToken') ?? []);
    const units = items.map((unit) => unitView(unit, ids, deps.clock.now()));
    return c.json({ ...(units.length > 0 && { units }), ...(next !== undefined && { nextPageToken: next }) });
  });
  only('/units', 'GET');

  app.get('/units/:name', async (c) => {
    const view = await read(deps, c);
    const unit = find(view, c.req.param('name'));
    return c.json(unitView(unit, machineIds(listResources(view, 'Node')), deps.clock.now()));
  });
  app.put('/units/:name', async (c) => {
    requireWriter(c, 'units');
    requireJson(c);
    const name = c.req.param('name');
    const body = unitSchema.safeParse(await readJson(c));
    if (!body.success) throw new FleetError(400, `unable to decode body: ${body.error.issues.map(sentence).join('; ')}`);
    const { name: told, options, desiredState } = body.data;
    if (told && told !== name)
      throw new FleetError(400, `name in URL "${name}" differs from unit name in request body "${told}"`);
    const problem = unitNameProblem(name);
    if (problem !== undefined) throw new FleetError(400, problem);
    const keyspace = await open(deps, c);
    const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const { result, revision } = await keyspace.transact((txn) => putUnit(txn, name, { options, desiredState }, ctx));
    tell(deps, c, 'Unit', result.verb, name, revision);
    return c.body(null, result.status);
  });
  app.delete('/units/:name', async (c) => {
    requireWriter(c, 'units');
    const name = c.req.param('name');
    const keyspace = await open(deps, c);
    const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
    const { revision } = await keyspace.transact((txn) => {
      find(txn, name);
      deleteResource(txn, 'Unit', '', name, {}, ctx);
    });
    tell(deps, c, 'Unit', 'delete', name, revision);
    return c.body(null, 204);
  });
  only('/units/:name', 'GET', 'PUT', 'DELETE');

  app.get('/state', async (c) => {
    const view = await read(deps, c);
    const { machineID, unitName } = c.req.query();
    const states = stateViews(living(view), machineIds(listResources(view, 'Node')));
    return page(
      c,
      'states',
      states.filter((state) => (!machineID || state.machineID === machineID) && (!unitName || state.name === unitName)),
    );
  });
  only('/state', 'GET');
  app.get('/state/:name', async (c) => {
    const view = await read(deps, c);
    const [state] = stateViews([find(view, c.req.param('name'))], machineIds(listResources(view, 'Node')));
    if (!state) throw new FleetError(404, 'unit state does not exist: no host has reported the unit yet');
    return c.json(state);
  });
  only('/state/:name', 'GET');

  app.all('*', (c) => {
    throw new FleetError(404, `there is no ${c.req.path}: fleet's API has machines, units, state and discovery`);
  });
  app.onError((error, c) => {
    const refusal = refusalFor(error);
    if (refusal.status >= 500) deps.onError?.(error, c.var.requestId);
    return c.json(refusal.body, refusal.status as 400);
  });
  return app;
}

const unitSchema = z.object({
  name: z.string().nullish(),
  options: z
    .array(z.object({ section: z.string(), name: z.string(), value: z.string() }))
    .nullish()
    .transform((options) => options ?? []),
  desiredState: z
    .string()
    .nullish()
    .transform((state) => state ?? undefined),
});

/** Where in the body, and what is wrong there. */
function sentence({ path, message }: z.core.$ZodIssue): string {
  const at = path
    .reduce<string>((text, part) => text + (typeof part === 'number' ? `[${part}]` : `.${String(part)}`), '')
    .slice(1);
  return `${at === '' ? '' : `${at}: `}${message.replace(/^Invalid input: /, '')}`;
}

function refusalFor(error: unknown): FleetError {
  if (error instanceof FleetError) return error;
  if (error instanceof TerraneError) return new FleetError(error.status, error.message);
  // What a kind refuses is wrong in itself: fleet knows one status for that.
  if (error instanceof StatusError && error.status.code < 500)
    return new FleetError(error.status.reason === 'Invalid' ? 400 : error.status.code, error.message);
  if (isStoreTrouble(error)) return new FleetError(503, 'the control plane can not reach its store: try again in a moment');
  return new FleetError(500, 'something went wrong on the server');
}

async function open(deps: FleetDeps, c: Context<ApiEnv>): Promise<Keyspace> {
  const { tenant, id } = c.var.cluster;
  return deps.keyspaces.open(tenant, id, 'registry');
}

async function read(deps: FleetDeps, c: Context<ApiEnv>): Promise<ReadView> {
  return (await open(deps, c)).sync();
}

/** A unit that is being destroyed is gone for fleet's clients at once. */
function living(view: ReadView): Unit[] {
  return listResources(view, 'Unit').filter(({ metadata }) => !metadata.deletionTimestamp);
}

function find(view: ReadView, name: string): Unit {
  const unit = getResource(view, 'Unit', '', name);
  if (!unit || unit.metadata.deletionTimestamp) throw new FleetError(404, 'unit does not exist');
  return unit;
}

function page<T>(c: Context<ApiEnv>, field: string, all: readonly T[]): Response {
  const { items, next } = pageOf(all, c.req.queries('nextPageToken') ?? []);
  return c.json({ ...(items.length > 0 && { [field]: items }), ...(next !== undefined && { nextPageToken: next }) });
}

function requireWriter(c: Context<ApiEnv>, resource: 'units' | 'nodes'): void {
  const { role } = c.var.principal;
  const group = resource === 'units' ? 'terrane.dev' : '';
  if (roleAllows(role, { verb: 'update', group, resource, namespaced: false })) return;
  throw new FleetError(
    403,
    `the role ${role} may not change ${resource}: they run as root on hosts. Ask an owner of the organisation for the role admin`,
  );
}

function requireJson(c: Context<ApiEnv>): void {
  const [type = ''] = (c.req.header('content-type') ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/json')
    throw new FleetError(415, 'only acceptable Content-Type is application/json');
}

async function readJson(c: Context<ApiEnv>): Promise<unknown> {
  const bytes = await readBytes(c.req.raw, BODY_BYTES_MAX);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new FleetError(400, `unable to decode body: ${(error as Error).message}`);
  }
}

function tell(
  deps: FleetDeps,
  c: Context<ApiEnv>,
  kind: 'Unit' | 'Node',
  verb: AuditedWrite['verb'],
  name: string,
  revision: number,
): void {
  deps.onWrite?.({ principal: c.var.principal, cluster: c.var.cluster, verb, kind, namespace: '', name, revision });
}
