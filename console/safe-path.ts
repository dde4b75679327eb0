/** Where a login leads afterwards: a path of this console, never another site, whatever a link says. */
export function safePath(wanted: string | null | undefined): string {
  if (!wanted || !URL.canParse(wanted, BASE)) return '/';
  const url = new URL(wanted, BASE);
  // A path such as /..//x begins with // when its dots are gone, and that would be a host.
  if (!wanted.startsWith('/') || url.origin !== BASE || url.pathname.startsWith('//')) return '/';
  return `${url.pathname}${url.search}${url.hash}`;
}

const BASE = 'https://console.invalid';
