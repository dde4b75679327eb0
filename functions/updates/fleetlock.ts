import type { Context } from 'hono';
import * as z from 'zod';
import { acquire, release } from '../../core/updates/reboot-lock.ts';
import { readBytes } from '../read-body.ts';
import type { UpdatesDeps } from './deps.ts';
import type { GuardedRegistry } from './guarded-registry.ts';

const BODY_BYTES_MAX = 16 * 1024;

const requestSchema = z.object({
  client_params: z.object({ id: z.string().min(1).max(200), group: z.string().regex(/^[a-zA-Z0-9.-]{1,253}$/) }),
});

/**
 * FleetLock (https://coreos.github.io/zincati/development/fleetlock/protocol/): `pre-reboot` takes a slot of the group's reboot lock,
 * `steady-state` gives it back. Both may be repeated. Any status but 2xx is a no, with `{kind, value}` for people.
 */
export async function serveFleetLock(
  c: Context,
  deps: UpdatesDeps,
  registry: GuardedRegistry,
  call: 'pre-reboot' | 'steady-state',
): Promise<Response> {
  const refuse = (status: 400 | 409, kind: string, value: string) => c.json({ kind, value }, status);
  if (c.req.header('fleet-lock-protocol') !== 'true')
    return refuse(400, 'missing_protocol_header', 'send the header "fleet-lock-protocol: true"');
  const parsed = requestSchema.safeParse(jsonOf(await readBytes(c.req.raw, BODY_BYTES_MAX)));
  if (!parsed.success)
    return refuse(
      400,
      'invalid_client_identity',
      'send {"client_params":{"id":"…","group":"…"}}; a group has letters, digits, . and - only',
    );
  const { id, group } = parsed.data.client_params;
  const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
  const { result } = await registry.transact((txn) =>
    call === 'pre-reboot' ? acquire(txn, group, id, ctx) : release(txn, group, id, ctx),
  );
  switch (result.type) {
    case 'held':
      return c.body(null, 200);
    case 'unknown-group':
      return refuse(400, 'unknown_group', `there is no UpdateGroup with the name or track ${group}`);
    case 'refused':
      return refuse(409, result.reason === 'Draining' ? 'node_draining' : 'failed_lock', result.message);
  }
}

/** Whatever its type: Go's clients send none. */
function jsonOf(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
