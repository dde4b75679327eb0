import type { UpdatePackage } from '../resources/schema/update-package.ts';
import { formatTicket, TICKET_MS } from './payload-ticket.ts';

/** Whose package, asked for where and when: `origin` is how the client reached us. */
export interface CodebaseContext {
  readonly origin: string;
  readonly tenant: string;
  readonly cluster: string;
  readonly now: number;
  /** Signs tickets. */
  readonly key: Uint8Array;
}

/** Folder that clients find a package's files in, with a slash at its end: the package's own, or one of ours for a day. */
export function codebaseOf({ metadata, spec }: UpdatePackage, { origin, tenant, cluster, now, key }: CodebaseContext): string {
  if (spec.url !== undefined) return spec.url.endsWith('/') ? spec.url : `${spec.url}/`;
  const ticket = formatTicket({ tenant, cluster, package: metadata.name, expiresAt: now + TICKET_MS }, key);
  return `${origin}/updates/payloads/${ticket}/`;
}

/** Files of packages that lie with us. */
export function hostedFiles(packages: readonly UpdatePackage[]): UpdatePackage['spec']['files'] {
  return packages.filter(({ spec }) => spec.url === undefined).flatMap(({ spec }) => spec.files);
}
