import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { DEFAULT_GROUP, semaphoreOf, swap } from '../../core/updates/locksmith.ts';
import { findLock, type RebootLock } from '../../core/updates/reboot-lock.ts';
import { readBytes } from '../read-body.ts';
import type { UpdatesDeps } from './deps.ts';
import type { GuardedRegistry } from './guarded-registry.ts';

const BODY_BYTES_MAX = 256 * 1024;

/** etcd v2's error codes that locksmith knows (https://github.com/coreos/etcd/blob/v2.3.8/Documentation/errorcode.md). */
const ERRORS = {
  keyNotFound: [404, 100, 'Key not found'],
  testFailed: [412, 101, 'Compare failed'],
  nodeExists: [412, 105, 'Key already exists'],
  unauthorized: [403, 110, 'The request is refused'],
  invalidForm: [400, 210, 'Invalid POST form'],
} as const;

/**
 * The three calls by which locksmith keeps its semaphore in etcd v2: create it (it is always there), read it, compare and swap it. So
 * stock Flatcar hosts take turns without an etcd of their own.
 */
export async function serveLocksmith(c: Context, deps: UpdatesDeps, registry: GuardedRegistry): Promise<Response> {
  const group = c.req.param('group') ?? DEFAULT_GROUP;
  const refuse = (error: keyof typeof ERRORS, cause: string, index: number) => {
    const [status, errorCode, message] = ERRORS[error];
    c.header('x-etcd-index', String(index));
    return c.json({ errorCode, message, cause, index }, status as ContentfulStatusCode);
  };
  const noGroup = (index: number) => refuse('keyNotFound', `there is no UpdateGroup with the name or track ${group}`, index);
  const answer = (action: string, lock: RebootLock, index: number, before?: RebootLock) => {
    c.header('x-etcd-index', String(index));
    return c.json({ action, node: nodeOf(c, lock), ...(before && { prevNode: nodeOf(c, before) }) });
  };

  if (c.req.method === 'GET') {
    const view = await registry.sync();
    const lock = findLock(view, group);
    return lock ? answer('get', lock, view.revision) : noGroup(view.revision);
  }
  const form = new URLSearchParams(new TextDecoder().decode(await readBytes(c.req.raw, BODY_BYTES_MAX)));
  const parameter = (name: string) => c.req.query(name) ?? form.get(name) ?? undefined;
  if (parameter('prevExist') === 'false') {
    const view = await registry.sync();
    return findLock(view, group) ? refuse('nodeExists', new URL(c.req.url).pathname, view.revision) : noGroup(view.revision);
  }
  const prevIndex = Number(parameter('prevIndex'));
  if (!Number.isSafeInteger(prevIndex)) return refuse('invalidForm', 'only with prevIndex is this key written', 0);
  const ctx = { now: deps.clock.now(), newUid: () => deps.newUid() };
  const { result, revision } = await registry.transact((txn) => swap(txn, group, form.get('value') ?? '', prevIndex, ctx));
  switch (result.type) {
    case 'swapped':
      return answer('compareAndSwap', result.after, revision, result.before);
    case 'compare-failed':
      return refuse('testFailed', `[${prevIndex} != ${result.lock.revision}]`, revision);
    case 'unknown-group':
      return noGroup(revision);
    case 'invalid':
      return refuse('invalidForm', result.message, revision);
    case 'refused':
      return refuse('unauthorized', result.message, revision);
  }
}

function nodeOf(c: Context, lock: RebootLock) {
  const path = new URL(c.req.url).pathname;
  const key = path.slice(path.indexOf('/v2/keys') + '/v2/keys'.length);
  return { key, value: JSON.stringify(semaphoreOf(lock)), modifiedIndex: lock.revision, createdIndex: lock.revision };
}
