/**
 * Paths of the web console. Whoever serves its files answers these with index.html. `:x` stands for one segment. None may begin as a path
 * of programs does.
 */
export const PAGES = [
  '/',
  '/signup',
  '/login',
  '/forgot',
  '/reset',
  '/verify',
  '/device',
  '/invite',
  '/new-cluster',
  '/cluster/:id',
  '/cluster/:id/nodes',
  '/cluster/:id/workloads',
  '/cluster/:id/units/:name',
  '/cluster/:id/updates',
  '/tokens',
  '/members',
  '/audit',
  '/organisation',
  '/account',
] as const;

export type PagePath = (typeof PAGES)[number];

const OF_PROGRAMS = /^\/(?:v[12]|clusters|node|updates|artifacts|assets|install\.sh|healthz|readyz|metrics)(?:\/|$)/;

/** What is below these is an API's or a file: nobody reads a page there, also if there is nothing. */
export const isOfPrograms = (path: string): boolean => OF_PROGRAMS.test(path);

/** Has somebody mistyped a page's address in a browser? Then there is a page that says so; `accept` is the request's header. */
export const isMistypedPage = (method: string, path: string, accept: string | undefined): boolean =>
  (method === 'GET' || method === 'HEAD') && !isOfPrograms(path) && (accept?.includes('text/html') ?? false);
