import * as z from 'zod';
import type { TxnView } from '../../keyspace/types.ts';
import { labelValue, qualifiedName } from '../../resources/names.ts';
import { getResource, listResources, updateResource, type WriteContext } from '../../resources/write.ts';
import { machineIds } from '../machine-id.ts';
import { FleetError } from './shapes.ts';

/** `/<machine id>/metadata/<key>`; `~1` stands for a slash, as in JSON pointers. */
const PATH = /^\/([^/]+)\/metadata\/([A-Za-z0-9_.~-]+)$/;

/** fleetd takes `{"value": {"value": "x"}}` only, although its documents say `{"value": "x"}`: both are taken. */
const operations = z
  .array(
    z.object({
      op: z.string(),
      path: z.string(),
      value: z.union([z.string(), z.object({ value: z.string() }).transform(({ value }) => value)]).optional(),
    }),
  )
  .max(1000);

/**
 * fleet's PATCH /machines: metadata is the labels of the Node. All of it or nothing. Returns the names of the Nodes that were changed. Throws FleetError
 * 400.
 */
export function patchMachines(txn: TxnView, body: unknown, ctx: WriteContext): string[] {
  const parsed = operations.safeParse(body);
  if (!parsed.success)
    throw new FleetError(400, 'expected a list such as [{"op": "add", "path": "/<machine id>/metadata/<key>", "value": "x"}]');
  const names = new Map(Array.from(machineIds(listResources(txn, 'Node')), ([name, id]) => [id, name]));
  const changed = new Set<string>();
  for (const { op, path, value } of parsed.data) {
    if (!['add', 'remove', 'replace'].includes(op)) throw new FleetError(400, 'invalid op: expect add, remove, or replace');
    const [, id = '', pointer = ''] = PATH.exec(path) ?? [];
    const key = pointer.replaceAll('~1', '/').replaceAll('~0', '~');
    if (id === '' || qualifiedName(key) !== undefined)
      throw new FleetError(400, 'machine metadata path invalid: expect /<machine id>/metadata/<key>');
    if (/(^|\.)(kubernetes\.io|k8s\.io|terrane\.dev)\//.test(key))
      throw new FleetError(400, `metadata ${key} is what the host says of itself: choose another key`);
    if (op !== 'remove' && !value) throw new FleetError(400, 'invalid value: add and replace require a value');
    const wrong = labelValue(value ?? '');
    if (wrong !== undefined) throw new FleetError(400, `invalid value: a value of metadata ${wrong}`);
    const name = names.get(id);
    const node = name === undefined ? undefined : getResource(txn, 'Node', '', name);
    if (!node) throw new FleetError(400, `there is no machine ${id.slice(0, 40)}: fleetctl list-machines --full lists them`);
    const { [key]: _, ...labels } = node.metadata.labels ?? {};
    const next = op === 'remove' ? labels : { ...labels, [key]: value! };
    updateResource(txn, { ...node, metadata: { ...node.metadata, labels: next } }, ctx);
    changed.add(node.metadata.name);
  }
  return [...changed];
}
