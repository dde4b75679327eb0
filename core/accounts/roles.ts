import type { Role } from '../ports/identity.ts';

/** Each role may do what the ones after it may. */
export const ROLES: readonly Role[] = ['owner', 'admin', 'editor', 'viewer'];

export function atLeast(role: Role, required: Role): boolean {
  return ROLES.indexOf(role) <= ROLES.indexOf(required);
}

/** The lower one of two: what an API token may do is bounded by what its maker may still do. */
export function lowerRole(a: Role, b: Role): Role {
  return atLeast(a, b) ? b : a;
}

const READING = new Set(['GET', 'HEAD', 'OPTIONS']);
const SECRETS = /^\/clusters\/[^/]+\/api\/v1\/(?:watch\/)?(?:namespaces\/[^/]+\/)?secrets(?:\/|$)/;
const ASKING = /^\/clusters\/[^/]+\/apis\/authorization\.k8s\.io\//;

/** etcd's requests are all POSTs, also those that read: its face tells them apart itself. */
const ETCD = /^\/clusters\/[^/]+\/etcd\//;

/** The role that a request to a cluster's API needs. As with Kubernetes' own "view" role, viewers don't see secrets. */
export function roleForClusterRequest(method: string, path: string): Role {
  if (SECRETS.test(path)) return 'editor';
  return READING.has(method) || ASKING.test(path) || ETCD.test(path) ? 'viewer' : 'editor';
}
