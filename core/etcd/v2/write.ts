import type { Revision } from '../../keyspace/types.ts';
import { deleteOf, putOf, rangeOf } from '../build-requests.ts';
import { randomLeaseId } from '../leases.ts';
import type { Compare, KeyRange, Operation, TxnRequest } from '../requests.ts';
import type { EtcdCaller, EtcdService } from '../service.ts';
import { V2Error } from './errors.ts';
import { goneJson, nodeJson, type V2Event } from './json.ts';
import {
  ACTION_KEY,
  actionValue,
  ancestorsOf,
  contentRange,
  dirKey,
  fileKey,
  type Meta,
  type StoredNode,
  treeRange,
  valueOf,
} from './layout.ts';
import { existing, find, type Found } from './read.ts';
import type { V2Request } from './request.ts';

export interface WriteDeps {
  readonly service: Pick<EtcdService, 'call'>;
  readonly now: () => number;
  readonly random: () => number;
}

export interface Written {
  readonly event: V2Event;
  readonly index: Revision;
  readonly created: boolean;
}

/** Others may change the same nodes between our look and our write: so often it is looked again. */
const TRIES_MAX = 32;
/** A directory's new lease has to be given to what is in it, in one transaction. */
const CONTENT_MAX = 50;

/** What a change comes down to: a transaction's operations, and what to say if it is committed. */
interface Plan {
  readonly operations: readonly Operation[];
  readonly event: (index: Revision) => V2Event;
  readonly created: boolean;
  /** Beyond what is compared anyway. */
  readonly compare?: readonly Compare[];
}

/** Carries out a PUT, POST or DELETE. Throws V2Error, or EtcdError if the store can't be asked. */
export async function write(deps: WriteDeps, request: V2Request, caller: EtcdCaller): Promise<Written> {
  const { service } = deps;
  const lease = request.ttl === undefined ? undefined : await grant(deps, request.ttl, caller);
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const content = request.method === 'PUT' || (request.method === 'DELETE' && !request.recursive) ? CONTENT_MAX + 1 : 0;
    const ordered = request.method === 'POST' ? await nextPath(service, request.path, caller) : undefined;
    const path = ordered?.path ?? request.path;
    const found = await find(service, path, { serializable: false, content }, caller);
    const plan = planOf({ ...request, path }, found, lease, deps.now());
    const compare = [...unchanged(path, found), ...(plan.compare ?? []), ...(ordered?.compare ?? [])];
    const txn: TxnRequest = { compare, success: [...plan.operations], failure: [] };
    const { succeeded, revision } = await service.call('Txn', txn, caller);
    if (succeeded) return { event: plan.event(revision), index: revision, created: plan.created };
  }
  throw new V2Error('raftInternal', 'others change the same keys all the time');
}

interface Lease {
  readonly id: bigint;
  readonly expiresAt: number;
}

async function grant({ service, now, random }: WriteDeps, ttl: number, caller: EtcdCaller): Promise<Lease> {
  const { id } = await service.call('LeaseGrant', { id: randomLeaseId(random), ttl: BigInt(ttl) }, caller);
  return { id, expiresAt: now() + ttl * 1000 };
}

/** In-order keys are named after the index at which they are created, or a little before. */
async function nextPath(service: Pick<EtcdService, 'call'>, path: string, caller: EtcdCaller) {
  const { revision, kvs } = await service.call('Range', rangeOf(ACTION_KEY), caller);
  const name = String(revision + 1).padStart(20, '0');
  return {
    path: path === '/' ? `/${name}` : `${path}/${name}`,
    compare: [modIs(ACTION_KEY, kvs[0]?.modRevision ?? 0)],
  };
}

function planOf(request: V2Request, found: Found, lease: Lease | undefined, now: number): Plan {
  if (request.path === '/') throw new V2Error('rootReadOnly', '/', found.index);
  const { method, prevExist, prevIndex, prevValue } = request;
  const compares = prevIndex > 0 || prevValue !== '';
  if (method === 'DELETE') return remove(request, found, now, compares);
  if (method === 'POST' || prevExist === false) return put(request, found, lease, now, 'create');
  if (compares) return change(request, found, lease, now, 'compareAndSwap');
  return prevExist ? change(request, found, lease, now, 'update') : put(request, found, lease, now, 'set');
}

/** set and create: the node becomes a new one, whatever it was. */
function put(request: V2Request, found: Found, lease: Lease | undefined, now: number, action: 'set' | 'create'): Plan {
  const { path, dir, refresh } = request;
  const { index } = found;
  const aFile = found.ancestors.find((ancestor) => !ancestor.dir);
  if (aFile) throw new V2Error('notDir', aFile.path, index);
  const before = found.file ?? found.dir;
  if (before && action === 'create') throw new V2Error('nodeExist', path, index);
  if (found.dir) throw new V2Error('notFile', path, index);
  if (refresh && !before) throw new V2Error('keyNotFound', path, index);
  const value = refresh ? before!.value : request.value;
  const inherited = shortest(found.ancestors, lease);
  const missing = ancestorsOf(path).filter((each) => !found.ancestors.some((ancestor) => ancestor.path === each));
  const meta = { expiresAt: lease?.expiresAt ?? 0 };
  const operations: Operation[] = [
    ...missing.map((each) => putNode(dirKey(each), '', {}, inherited)),
    ...(dir && found.file ? [deleteNodes({ key: fileKey(path), rangeEnd: '' })] : []),
    putNode(dir ? dirKey(path) : fileKey(path), value, meta, inherited),
    putAction(action, path, refresh),
  ];
  return {
    operations,
    created: !before,
    event: (at) => ({
      action,
      node: nodeJson(newNode(path, dir, value, at, at, meta.expiresAt), now),
      ...(before ? { prevNode: nodeJson(before, now) } : {}),
    }),
  };
}

/** update and compareAndSwap: the node stays the one that it is. */
function change(
  request: V2Request,
  found: Found,
  lease: Lease | undefined,
  now: number,
  action: 'update' | 'compareAndSwap',
): Plan {
  const { path, refresh } = request;
  const before = existing(path, found);
  if (before.dir && (action === 'compareAndSwap' || request.value !== '' || refresh))
    throw new V2Error('notFile', path, found.index);
  if (action === 'compareAndSwap') assertSame(request, before, found.index);
  const value = refresh ? before.value : request.value;
  const inherited = shortest(found.ancestors, lease);
  // etcd tells of an updated directory's new index, but doesn't keep it.
  const modifiedIndex = before.dir ? before.modifiedIndex : 0;
  const meta = { createdIndex: before.createdIndex, modifiedIndex, expiresAt: lease?.expiresAt ?? 0 };
  const operations = [
    putNode(before.dir ? dirKey(path) : fileKey(path), value, meta, inherited),
    putAction(action, path, refresh),
  ];
  // What is in a directory ends with it.
  if (before.dir && inherited !== before.lease) operations.push(...release(found, inherited));
  return {
    operations,
    created: false,
    event: (at) => ({
      action,
      node: nodeJson(newNode(path, before.dir, value, at, before.createdIndex, meta.expiresAt), now),
      prevNode: nodeJson(before, now),
    }),
    compare: before.dir ? found.content.map((node) => modIs(keyOf(node), node.modRevision)) : [],
  };
}

/** The content of a directory under its new lease: all of it that had none of its own. */
function release(found: Found, lease: bigint): Operation[] {
  if (found.content.length > CONTENT_MAX) {
    throw new V2Error('invalidField', `a directory of more than ${CONTENT_MAX} nodes can't be given another ttl`, found.index);
  }
  const dependent = found.content.filter(({ expiresAt }) => expiresAt === 0);
  return dependent.map((node) => putNode(keyOf(node), node.value, node, lease));
}

function remove(request: V2Request, found: Found, now: number, compares: boolean): Plan {
  const { path, recursive, dir } = request;
  const before = existing(path, found);
  const { index } = found;
  if (before.dir && (compares || !(dir || recursive))) throw new V2Error('notFile', path, index);
  if (before.dir && !recursive && found.content.length > 0) throw new V2Error('dirNotEmpty', path, index);
  if (compares) assertSame(request, before, index);
  const action = compares ? 'compareAndDelete' : 'delete';
  const range = before.dir ? treeRange(path) : { key: fileKey(path), rangeEnd: '' };
  return {
    operations: [deleteNodes(range), putAction(action, path, false)],
    created: false,
    event: (at) => ({ action, node: goneJson(before, at), prevNode: nodeJson(before, now) }),
    compare: before.dir && !recursive ? [absent(contentRange(path))] : [],
  };
}

function assertSame({ prevValue, prevIndex }: V2Request, node: StoredNode, index: Revision): void {
  const differs = [
    ...(prevValue !== '' && prevValue !== node.value ? [`[${prevValue} != ${node.value}]`] : []),
    ...(prevIndex > 0 && prevIndex !== node.modifiedIndex ? [`[${prevIndex} != ${node.modifiedIndex}]`] : []),
  ];
  if (differs.length > 0) throw new V2Error('testFailed', differs.join(' '), index);
}

/** That nothing of what was found has changed, as comparisons. */
function unchanged(path: string, { ancestors, file, dir }: Found): Compare[] {
  const compare = ancestorsOf(path).flatMap((each) => {
    const ancestor = ancestors.find((node) => node.path === each);
    return [
      modIs(fileKey(each), ancestor && !ancestor.dir ? ancestor.modRevision : 0),
      existence(dirKey(each), ancestor?.dir === true),
    ];
  });
  if (path === '/') return compare;
  return [...compare, modIs(fileKey(path), file?.modRevision ?? 0), modIs(dirKey(path), dir?.modRevision ?? 0)];
}

/** The lease that ends first: the node's own, or that of a directory it is in. */
function shortest(ancestors: readonly StoredNode[], own: Lease | undefined): bigint {
  const all = ancestors.filter(({ lease }) => lease !== 0n).map(({ lease, expiresAt }) => ({ id: lease, expiresAt }));
  if (own) all.push(own);
  return all.sort((a, b) => a.expiresAt - b.expiresAt)[0]?.id ?? 0n;
}

function newNode(
  path: string,
  dir: boolean,
  value: string,
  modifiedIndex: Revision,
  createdIndex: Revision,
  expiresAt: number,
): StoredNode {
  return { path, dir, value, lease: 0n, modRevision: modifiedIndex, modifiedIndex, createdIndex, expiresAt };
}

function keyOf({ path, dir }: StoredNode): string {
  return dir ? dirKey(path) : fileKey(path);
}

function putNode(key: string, value: string, meta: Partial<Meta>, lease: bigint): Operation {
  return { type: 'put', request: putOf(key, valueOf(value, meta), { lease }) };
}

function putAction(action: string, path: string, silent: boolean): Operation {
  const value = actionValue({ action, path, ...(silent ? { silent } : {}) });
  return { type: 'put', request: putOf(ACTION_KEY, value) };
}

function deleteNodes(range: KeyRange): Operation {
  return { type: 'deleteRange', request: deleteOf(range.key, range.rangeEnd) };
}

const COMPARE = {
  rangeEnd: '',
  version: 0,
  createRevision: 0,
  modRevision: 0,
  value: new Uint8Array(0),
  lease: 0n,
};

function modIs(key: string, modRevision: Revision): Compare {
  return { ...COMPARE, key, target: 'MOD', result: 'EQUAL', modRevision };
}

function existence(key: string, exists: boolean): Compare {
  return { ...COMPARE, key, target: 'VERSION', result: exists ? 'GREATER' : 'EQUAL' };
}

function absent(range: KeyRange): Compare {
  return { ...COMPARE, ...range, target: 'VERSION', result: 'EQUAL' };
}
