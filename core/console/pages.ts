/**
 * Paths of the web console. Whoever serves its files answers these with index.html, and nothing else: a mistyped API path stays a
 * 404. `:x` stands for one segment. None may begin as an API path does (v1, clusters, node, artifacts, assets).
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
  '/cluster/:id/updates',
  '/tokens',
  '/members',
  '/audit',
  '/organisation',
  '/account',
] as const;

export type PagePath = (typeof PAGES)[number];
