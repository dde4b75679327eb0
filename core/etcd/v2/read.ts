import type { KeyValue, Revision } from '../../keyspace/types.ts';
import { rangeOf } from '../build-requests.ts';
import type { Operation, RangeRequest } from '../requests.ts';
import type { EtcdCaller, EtcdService } from '../service.ts';
import { V2Error } from './errors.ts';
import { nodeJson, type V2Node } from './json.ts';
import { ancestorsOf, contentRange, dirKey, fileKey, nodeOf, type StoredNode, treeRange } from './layout.ts';

/** What a request needs to know of the store, as of one moment. */
export interface Found {
  readonly index: Revision;
  /** Those of the path's ancestors that exist, the outermost first. */
  readonly ancestors: readonly StoredNode[];
  readonly file: StoredNode | undefined;
  readonly dir: StoredNode | undefined;
  /** What is in the directory, in the order of the keys; as much as was asked for. */
  readonly content: readonly StoredNode[];
}

const ROOT_NODE: StoredNode = {
  path: '/',
  dir: true,
  value: '',
  lease: 0n,
  modRevision: 0,
  createdIndex: 0,
  modifiedIndex: 0,
  expiresAt: 0,
};

/** Deeper paths would take more operations than a transaction may have. */
const DEPTH_MAX = 50;

/** `content`: how much of what is in the directory; 0 = nothing. */
export async function find(
  service: Pick<EtcdService, 'call'>,
  path: string,
  options: { serializable: boolean; content: 'all' | number },
  caller: EtcdCaller,
): Promise<Found> {
  const above = ancestorsOf(path);
  if (above.length > DEPTH_MAX) throw new V2Error('invalidField', `a path can have at most ${DEPTH_MAX} directories`);
  const { serializable, content } = options;
  const ranges: RangeRequest[] = above.flatMap((each) => [
    rangeOf(fileKey(each), { serializable }),
    rangeOf(dirKey(each), { serializable }),
  ]);
  if (path !== '/') ranges.push(rangeOf(fileKey(path), { serializable }), rangeOf(dirKey(path), { serializable }));
  const { key, rangeEnd } = contentRange(path);
  if (content !== 0) ranges.push(rangeOf(key, { rangeEnd, serializable, limit: content === 'all' ? 0 : content }));
  const success = ranges.map((request): Operation => ({ type: 'range', request }));
  const { revision, responses } = await service.call('Txn', { compare: [], success, failure: [] }, caller);
  const kvs = responses.flatMap(({ type, response }) => (type === 'range' ? response.kvs : []));
  const nodes = kvs.flatMap((kv: KeyValue) => nodeOf(kv) ?? []);
  const inside = treeRange(path);
  return {
    index: revision,
    ancestors: nodes.filter((node) => above.includes(node.path)),
    file: nodes.find((node) => node.path === path && !node.dir),
    dir: path === '/' ? ROOT_NODE : nodes.find((node) => node.path === path && node.dir),
    content: nodes.filter((node) => node.path !== path && keyOf(node) >= inside.key && keyOf(node) < inside.rangeEnd),
  };
}

/** The node itself. Throws as etcd does on its way down to it. */
export function existing(path: string, found: Found): StoredNode {
  const node = found.file ?? found.dir;
  if (node) return node;
  const file = found.ancestors.find(({ dir }) => !dir);
  if (file) throw new V2Error('notDir', file.path, found.index);
  const missing = ancestorsOf(path).find((each) => !found.ancestors.some((ancestor) => ancestor.path === each));
  throw new V2Error('keyNotFound', missing ?? path, found.index);
}

/** The node as GET shows it. */
export function tree(node: StoredNode, content: readonly StoredNode[], recursive: boolean, now: number): V2Node {
  if (!node.dir) return nodeJson(node, now);
  const children = new Map<string, StoredNode[]>();
  for (const each of content) {
    const parent = each.path.slice(0, each.path.lastIndexOf('/')) || '/';
    // Names that begin with _ are hidden from who doesn't know them.
    if (each.path.startsWith('_', each.path.lastIndexOf('/') + 1)) continue;
    const siblings = children.get(parent);
    if (siblings) siblings.push(each);
    else children.set(parent, [each]);
  }
  const show = (each: StoredNode, deep: boolean): V2Node =>
    nodeJson(each, now, deep && each.dir ? (children.get(each.path) ?? []).map((child) => show(child, recursive)) : []);
  return show(node, true);
}

function keyOf({ path, dir }: StoredNode): string {
  return dir ? dirKey(path) : fileKey(path);
}
