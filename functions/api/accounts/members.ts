import { Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../../read-body.ts';
import type { ApiEnv } from '../../context.ts';
import { type AccountsApiDeps, whoOf } from './deps.ts';
import { pathParam } from './path-param.ts';

const role = z.enum(['owner', 'admin', 'editor', 'viewer']);
const inviteSchema = z.strictObject({ email: z.string().max(300), role: role.default('viewer') });
const roleSchema = z.strictObject({ role });

export function members(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.get('/members', async (c) => {
    const { tenant } = c.var.principal;
    const [list, invitations] = await Promise.all([accounts.listMembers(tenant), accounts.listInvitations(tenant)]);
    return c.json({ members: list, invitations });
  });

  app.post('/members', async (c) => {
    const request = await readJson(c, inviteSchema);
    return c.json({ invitation: await accounts.invite(c.var.principal, request, whoOf(c, deps)) }, 201);
  });

  app.patch('/members/:id', async (c) => {
    const request = await readJson(c, roleSchema);
    return c.json(await accounts.changeRole(c.var.principal, pathParam(c, 'id'), request.role, whoOf(c, deps)));
  });

  app.delete('/members/:id', async (c) => {
    await accounts.removeMember(c.var.principal, pathParam(c, 'id'), whoOf(c, deps));
    return c.body(null, 204);
  });

  return app;
}
