/** Where a login leads afterwards: a path of this console, never another site, whatever a link says. */
export function safePath(wanted: string | null | undefined): string {
  if (!wanted || !URL.canParse(wanted, BASE)) return '/';
  const url = new URL(wanted, BASE);
  return wanted.startsWith('/') && url.origin === BASE ? `${url.pathname}${url.search}${url.hash}` : '/';
}

const BASE = 'https://console.invalid';
