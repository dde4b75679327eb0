import { Hono } from 'hono';
import type { Context } from 'hono';
import type { ApiEnv } from '../../context.ts';
import { isOperatorsTrouble } from '../../operators-trouble.ts';
import { isStoreTrouble } from '../../store-trouble.ts';
import { reviewAccess, reviewRules } from './access-review.ts';
import { readOptionalObject, readObject } from './body.ts';
import { cachedJson } from './cached-json.ts';
import type { KubeDeps } from './deps.ts';
import { aggregated, aggregatedVersion, apiGroup, apiGroupList, apiResourceList, apiVersions } from './discovery.ts';
import { dispatch } from './dispatch.ts';
import { methodNotAllowed, noSuchPath, respondStatus, statusOf } from './errors.ts';
import { OPENAPI_V2_TYPE, openApiDocument, openApiIndex } from './openapi.ts';
import { parseTarget } from './target.ts';
import { versionInfo } from './version.ts';

/**
 * The Kubernetes face of a cluster: the wire behaviour that stock kubectl needs (docs/kubernetes-api.md). Mount it under
 * `/clusters/:cluster`, behind middleware that has set `principal` and `cluster`.
 *
 * @example
 * app.use('/clusters/:cluster/*', authenticate, loadCluster);
 * app.route('/clusters/:cluster', createKube({ keyspaces, relay, clock, newUid: randomUUID }));
 */
export function createKube(deps: KubeDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>();

  app.get('/version', (c) => cachedJson(c, versionInfo()));
  for (const path of ['/healthz', '/livez', '/readyz']) app.get(path, (c) => c.text('ok'));

  app.get('/api', (c) => discover(c, true));
  app.get('/apis', (c) => discover(c, false));
  app.get('/api/:version', (c) => found(c, apiResourceList('', c.req.param('version'))));
  app.get('/apis/:group', (c) => found(c, apiGroup(c.req.param('group'))));
  app.get('/apis/:group/:version', (c) => found(c, apiResourceList(c.req.param('group'), c.req.param('version'))));

  app.get('/openapi/v2', (c) =>
    c.body('', 200, { 'content-type': OPENAPI_V2_TYPE, etag: '"empty"', 'cache-control': 'private, max-age=300' }),
  );
  app.get('/openapi/v3', (c) => cachedJson(c, openApiIndex(c.req.path.slice(0, c.req.path.lastIndexOf('/openapi/v3')))));
  app.get('/openapi/v3/api/:version', (c) => found(c, openApiDocument('', c.req.param('version'))));
  app.get('/openapi/v3/apis/:group/:version', (c) => found(c, openApiDocument(c.req.param('group'), c.req.param('version'))));

  app.post('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', async (c) =>
    c.json(reviewAccess(c.var.principal, await readObject({ c })), 201),
  );
  app.post('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', async (c) => {
    await readOptionalObject({ c });
    return c.json(reviewRules(c.var.principal), 201);
  });

  app.all('/api/:version/:path{.+}', (c) => serve(c, '', c.req.param('version'), c.req.param('path')));
  app.all('/apis/:group/:version/:path{.+}', (c) => serve(c, c.req.param('group'), c.req.param('version'), c.req.param('path')));
  app.all('/api/*', methodError);
  app.all('/apis/*', methodError);
  app.all('*', (c) => {
    throw noSuchPath(c.req.path);
  });

  app.onError((error, c) => {
    const status = statusOf(error);
    if (status.code === 500 || isStoreTrouble(error) || isOperatorsTrouble(error)) deps.onError?.(error, c.var.requestId);
    return respondStatus(c, status);
  });
  return app;

  async function serve(c: Context<ApiEnv>, group: string, version: string, path: string): Promise<Response> {
    const target = parseTarget(group, version, path);
    if (!target) throw noSuchPath(c.req.path);
    const { tenant, id } = c.var.cluster;
    return dispatch({ c, deps, target, keyspace: await deps.keyspaces.open(tenant, id, 'registry') });
  }
}

function discover(c: Context<ApiEnv>, core: boolean): Response {
  const version = aggregatedVersion(c.req.header('accept'));
  if (version === undefined) return cachedJson(c, core ? apiVersions() : apiGroupList());
  return cachedJson(c, aggregated(core, version), `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`);
}

function found(c: Context<ApiEnv>, document: object | undefined): Response {
  if (!document) throw noSuchPath(c.req.path);
  return cachedJson(c, document);
}

function methodError(c: Context<ApiEnv>): never {
  if (c.req.method === 'GET') throw noSuchPath(c.req.path);
  throw methodNotAllowed();
}
