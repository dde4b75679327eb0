import type { Refusals } from './types.ts';

/** "Why pending", in kube-scheduler's words: counts per filter, in the order of the text, so that the same cause reads the same. */
export function explainRefusals(nodeCount: number, refusals: Refusals): string {
  if (nodeCount === 0) return '0/0 nodes are available: no host has joined the cluster yet.';
  const counts = [...refusals].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodeCount} nodes are available: ${counts.join(', ')}.`;
}
