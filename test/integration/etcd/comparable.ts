/** Without what may differ: who answers, raft's term, tokens, and how much of a lease's time has passed. */
export function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== 'object' || value === null) return value;
  const rest = { ...(value as Record<string, unknown>) };
  for (const name of ['cluster_id', 'member_id', 'raft_term', 'token']) delete rest[name];
  if ('grantedTTL' in rest) {
    delete rest['TTL'];
    // etcd's order is that of a Go map.
    if (Array.isArray(rest['keys'])) rest['keys'] = [...(rest['keys'] as string[])].sort();
  }
  return Object.fromEntries(Object.entries(rest).map(([name, each]) => [name, comparable(each)]));
}
