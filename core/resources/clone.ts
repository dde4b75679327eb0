/**
 * A deep copy of a JSON value. structuredClone does the same at several times the cost, and every write copies.
 * Fields that are undefined are left out, as JSON does.
 */
export function cloneJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  const result: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    if (child === undefined) continue;
    if (name === '__proto__')
      Object.defineProperty(result, name, { value: cloneJson(child), enumerable: true, configurable: true, writable: true });
    else result[name] = cloneJson(child);
  }
  return result as T;
}
