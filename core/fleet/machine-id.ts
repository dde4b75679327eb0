import { createHash } from 'node:crypto';
import type { Node } from '../resources/schema/node.ts';

/**
 * What fleet calls a host: its /etc/machine-id. Where that is missing, or the same on another host of the cluster (machines made from one image), 32
 * hexadecimal digits of the Node's own. By node name.
 */
export function machineIds(nodes: readonly Node[]): Map<string, string> {
  const counts = new Map<string, number>();
  for (const node of nodes) counts.set(reported(node), (counts.get(reported(node)) ?? 0) + 1);
  return new Map(
    nodes.map((node) => {
      const id = reported(node);
      const own = /^[0-9a-f]{32}$/.test(id) && counts.get(id) === 1;
      return [node.metadata.name, own ? id : madeUp(node)];
    }),
  );
}

const reported = ({ status }: Node) => status?.nodeInfo?.machineID.replaceAll('-', '').toLowerCase() ?? '';

function madeUp({ metadata }: Node): string {
  return createHash('sha256').update(metadata.uid).digest('hex').slice(0, 32);
}
