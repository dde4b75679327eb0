import { Hono, type MiddlewareHandler } from 'hono';
import { TerraneError } from '../../../core/errors/terrane-error.ts';
import { requireWholeOrganisation } from '../../../store/accounts/clusters.ts';
import { errorResponse, onError } from '../../on-error.ts';
import type { ApiEnv } from '../../context.ts';
import { authenticate } from '../auth/authenticate.ts';
import { audit } from './audit.ts';
import { clusters } from './clusters.ts';
import type { AccountsApiDeps } from './deps.ts';
import { device } from './device.ts';
import { members } from './members.ts';
import { nodes } from './nodes.ts';
import { oidc } from './oidc.ts';
import { organisation } from './organisation.ts';
import { passwords } from './passwords.ts';
import { people } from './people.ts';
import { repositories } from './repositories.ts';
import { sessions } from './sessions.ts';
import { tokens } from './tokens.ts';
import { usage } from './usage.ts';
import { verify } from './verify.ts';

/** /v1/*: accounts as JSON over HTTP; the shapes are in core/accounts/api.ts, the errors in core/errors/catalogue.ts. */
export function createAccounts(deps: AccountsApiDeps): Hono<ApiEnv> {
  const app = new Hono<ApiEnv>().basePath('/v1');
  app.onError(onError(deps));
  app.notFound((c) => errorResponse(c, new TerraneError('not_found', `There is no route ${c.req.method} ${c.req.path}.`)));

  app.get('/info', (c) => c.json(deps.info()));
  app.route('/', people(deps));
  app.route('/', verify(deps));
  app.route('/', passwords(deps));
  app.route('/', device(deps));
  app.route('/', oidc(deps));

  const routes = new Hono<ApiEnv>();
  routes.use(authenticate(deps));
  for (const path of ['/members/*', '/tokens/*', '/audit/*', '/usage', '/organisation/*', '/repositories/*'])
    routes.use(path, wholeOrganisation);
  for (const part of [sessions, members, clusters, tokens, nodes, audit, usage, organisation, repositories])
    routes.route('/', part(deps));
  app.route('/', routes);
  return app;
}

/** An API token that is limited to one cluster has no business with members, tokens and the audit log. */
const wholeOrganisation: MiddlewareHandler<ApiEnv> = async (c, next) => {
  requireWholeOrganisation(c.var.principal);
  await next();
};
