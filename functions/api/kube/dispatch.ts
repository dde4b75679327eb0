import { badRequest, type StatusError } from '../../../core/resources/status.ts';
import { authorise, type Verb } from './authorise.ts';
import type { KubeRequest } from './deps.ts';
import { methodNotAllowed, noSuchPath } from './errors.ts';
import { booleanQuery } from './query.ts';
import { diagnosis } from './subresources/diagnosis.ts';
import { evict } from './subresources/eviction.ts';
import { log } from './subresources/log.ts';
import { getScale, patchScale, putScale } from './subresources/scale.ts';
import { exec, journal } from './subresources/unit-streams.ts';
import { create } from './verbs/create.ts';
import { deleteCollection, deleteOne } from './verbs/delete.ts';
import { patch } from './verbs/patch.ts';
import { getOne, list } from './verbs/read.ts';
import { replace } from './verbs/replace.ts';
import { watch } from './verbs/watch.ts';

interface Route {
  readonly verb: Verb;
  handle(request: KubeRequest): Promise<Response>;
}

type Routes = Readonly<Record<string, Route>>;

const collection: Routes = {
  GET: { verb: 'list', handle: list },
  POST: { verb: 'create', handle: create },
  DELETE: { verb: 'deletecollection', handle: deleteCollection },
};
const watching: Route = { verb: 'watch', handle: watch };
const item: Routes = {
  GET: { verb: 'get', handle: getOne },
  PUT: { verb: 'update', handle: replace },
  PATCH: { verb: 'patch', handle: patch },
  DELETE: { verb: 'delete', handle: deleteOne },
};
const subresources: Readonly<Record<string, Routes>> = {
  status: { GET: item.GET!, PUT: item.PUT!, PATCH: item.PATCH! },
  scale: {
    GET: { verb: 'get', handle: getScale },
    PUT: { verb: 'update', handle: putScale },
    PATCH: { verb: 'patch', handle: patchScale },
  },
  log: { GET: { verb: 'get', handle: log } },
  diagnosis: { GET: { verb: 'get', handle: diagnosis } },
  eviction: { POST: { verb: 'create', handle: evict } },
  journal: { GET: { verb: 'get', handle: journal } },
  exec: { POST: { verb: 'create', handle: exec } },
};

/** Sub-resources that Kubernetes has and that are not served, with what to do instead. */
const absent: Readonly<Record<string, string>> = {
  exec: 'exec into containers is not supported yet: log in to the host and use docker exec',
  attach: 'attaching to containers is not supported yet: use kubectl logs -f to follow their output',
  portforward: 'port-forward is not supported yet: reach the pod by its address, or by a hostPort',
  proxy: 'proxying to pods is not supported yet: reach the pod by its address, or by a hostPort',
  ephemeralcontainers: 'ephemeral containers (kubectl debug) are not supported',
  binding: 'pods are placed by the scheduler: set spec.nodeName when creating one to choose its node yourself',
};

/** Finds what serves a request, checks that the caller may, and runs it. */
export function dispatch(request: KubeRequest): Promise<Response> {
  const { c, target } = request;
  const { definition, namespace, name, subresource } = target;
  const routes = routesFor(request);
  const route =
    name === undefined && c.req.method === 'GET' && booleanQuery(request, 'watch')
      ? watching
      : routes[c.req.method === 'HEAD' ? 'GET' : c.req.method];
  if (!route) throw methodNotAllowed();
  authorise(c.var.principal, route.verb, definition, {
    ...(namespace !== undefined && { namespace }),
    ...(name !== undefined && { name }),
    ...(subresource !== undefined && { subresource }),
  });
  return route.handle(request);
}

function routesFor({ c, target }: KubeRequest): Routes {
  const { definition, name, subresource } = target;
  if (name === undefined) return collection;
  if (subresource === undefined) return item;
  const served = (definition.subresources as readonly string[]).includes(subresource) ? subresources[subresource] : undefined;
  if (served) return served;
  const why: string | undefined =
    definition.kind === 'Pod' && Object.hasOwn(absent, subresource) ? absent[subresource] : undefined;
  const error: StatusError = why === undefined ? noSuchPath(c.req.path) : badRequest(why);
  throw error;
}
