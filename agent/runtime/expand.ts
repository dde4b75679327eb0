/**
 * `$(NAME)` in commands, arguments and values, as Kubernetes has it: a name that isn't known stays as it stands, and `$$`
 * is a dollar that expands nothing.
 */
export function expand(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(/\$\$|\$\(([^()]*)\)/g, (found, name: string | undefined) => {
    if (found === '$$') return '$';
    return values.get(name ?? '') ?? found;
  });
}
