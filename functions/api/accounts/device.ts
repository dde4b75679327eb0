import { type Context, Hono } from 'hono';
import * as z from 'zod';
import type { DeviceProblem } from '../../../store/accounts/device.ts';
import type { ApiEnv } from '../../context.ts';
import { parseJson, readBytes } from '../../read-body.ts';
import { credentialOf } from '../auth/credential.ts';
import { type AccountsApiDeps, originOf, personOf } from './deps.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code';
const BODY_LIMIT_BYTES = 4096;
const approveSchema = z.strictObject({ user_code: z.string().max(64), deny: z.boolean().optional() });

/** Device login (RFC 8628): for `terrane login --device` and every OAuth client that speaks it. There is nothing to register: any client_id is fine. */
export function device(deps: AccountsApiDeps): Hono<ApiEnv> {
  const { accounts } = deps;
  const app = new Hono<ApiEnv>();

  app.use('/device/*', async (c, next) => {
    await next();
    c.header('cache-control', 'no-store');
  });

  app.post('/device/code', async (c) => {
    await readBytes(c.req.raw, BODY_LIMIT_BYTES);
    const { deviceCode, userCode, expiresInMs, intervalMs } = await accounts.startDevice(originOf(c, deps));
    // A page of the console.
    const uri = `${accounts.publicUrl()}/device`;
    return c.json({
      device_code: deviceCode,
      user_code: userCode,
      verification_uri: uri,
      verification_uri_complete: `${uri}?user_code=${userCode}`,
      expires_in: Math.floor(expiresInMs / 1000),
      interval: Math.ceil(intervalMs / 1000),
    });
  });

  app.post('/device/token', async (c) => {
    const form = await fieldsOf(c);
    const grant = form.get('grant_type');
    const code = form.get('device_code');
    if (!grant || !code) return c.json(oauthError('invalid_request', 'grant_type and device_code must be given.'), 400);
    if (grant !== GRANT) return c.json(oauthError('unsupported_grant_type', `grant_type must be ${GRANT}.`), 400);
    const answer = await accounts.pollDevice(code, originOf(c, deps));
    if ('problem' in answer) return c.json(oauthError(answer.problem, PROBLEMS[answer.problem]), 400);
    const { token, expiresAt } = answer;
    return c.json({ access_token: token, token_type: 'Bearer', expires_in: Math.floor((expiresAt - accounts.now()) / 1000) });
  });

  app.post('/device/approve', async (c) => {
    const caller = await accounts.authenticate(credentialOf(c));
    const { user_code: userCode, deny } = parseJson(await readBytes(c.req.raw, BODY_LIMIT_BYTES), approveSchema);
    await accounts.approveDevice(caller, { userCode, deny }, personOf(c, caller.principal, deps));
    return c.body(null, 204);
  });

  return app;
}

function isForm(c: Context): boolean {
  return c.req.header('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
}

/** A form, as OAuth has it; JSON with strings is understood, too. */
async function fieldsOf(c: Context): Promise<Map<string, string>> {
  const bytes = await readBytes(c.req.raw, BODY_LIMIT_BYTES);
  if (isForm(c)) return new Map(new URLSearchParams(new TextDecoder().decode(bytes)));
  return new Map(Object.entries(parseJson(bytes, z.record(z.string(), z.string()))));
}

const PROBLEMS: Readonly<Record<DeviceProblem, string>> = {
  authorization_pending: 'Nobody has approved the code yet.',
  slow_down: 'Asked too often: wait 5 s longer between attempts.',
  access_denied: 'The login was refused, or who approved it has logged out.',
  expired_token: 'The code has expired: start again.',
  invalid_grant: 'The device code is not known, or was used.',
};

function oauthError(error: string, description: string) {
  return { error, error_description: description };
}
