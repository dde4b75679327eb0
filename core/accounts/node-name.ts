const LENGTH_MAX = 63;

/** A host's own name as a DNS-1123 label: `Web_01.example.com` becomes `web-01-example-com`. */
export function nodeNameFrom(wish: string): string {
  const name = wish
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, LENGTH_MAX)
    .replace(/-+$/, '');
  return name || 'node';
}

/** The n-th name to try when the wished one is taken: web, web-2, web-3 … */
export function nodeNameAttempt(name: string, attempt: number): string {
  if (attempt <= 1) return name;
  const suffix = `-${attempt}`;
  return `${name.slice(0, LENGTH_MAX - suffix.length).replace(/-+$/, '')}${suffix}`;
}
