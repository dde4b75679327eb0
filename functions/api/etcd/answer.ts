import type { Context } from 'hono';
import { CODE, EtcdError, etcdErrorOf, httpStatusOf } from '../../../core/etcd/errors.ts';
import { headerJson, type JsonObject } from '../../../core/etcd/json/answers.ts';
import type { Revision } from '../../../core/keyspace/types.ts';
import { atLeast } from '../../../core/accounts/roles.ts';
import type { EtcdRequest } from './deps.ts';

export function answer({ c, identity }: EtcdRequest, revision: Revision, body: JsonObject = {}): Response {
  return c.json({ header: headerJson(identity, revision), ...body });
}

export function refuse(c: Context, error: EtcdError): Response {
  const { message, code } = error;
  return c.json({ error: message, message, code }, httpStatusOf(code));
}

export function refusalOf(error: unknown): EtcdError {
  return etcdErrorOf(error) ?? new EtcdError(CODE.internal, 'internal error; the X-Request-Id header finds it in the server log');
}

/** Viewers only read. Throws etcd's "permission denied". */
export function requireWriter({ c }: EtcdRequest): void {
  if (!atLeast(c.var.principal.role, 'editor')) throw EtcdError.of('permissionDenied');
}
