import { TerraneError } from '../../core/errors/terrane-error.ts';
import { referenceProblem } from '../../core/images/names.ts';
import type { ImageCredentials, ImagePage, ScanReport } from '../../core/ports/image-registry.ts';
import type { PersonPrincipal } from '../../core/ports/identity.ts';
import { recordAudit, type Who } from './audit.ts';
import { readRepository } from './repositories.ts';
import { requireRole } from './sessions.ts';
import type { AccountsContext } from './settings.ts';

/** What is in an organisation's repositories. */

export async function listImages(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  page: { readonly next?: string; readonly limit: number },
): Promise<ImagePage> {
  await readRepository(context, principal, name);
  return context.images.images(principal.tenant, name, page);
}

export async function deleteImage(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  reference: string,
  who: Who,
): Promise<void> {
  const { images, store } = context;
  const { tenant } = principal;
  await readRepository(context, principal, name);
  requireRole(principal, 'editor', 'delete images');
  if (referenceProblem(reference) || !(await images.deleteImage(tenant, name, reference)))
    throw new TerraneError('not_found', 'The repository has no such image.');
  await recordAudit({ store }, tenant, who, 'image.delete', name, { reference });
}

export async function scanImage(
  context: AccountsContext,
  principal: PersonPrincipal,
  name: string,
  reference: string,
): Promise<ScanReport> {
  await readRepository(context, principal, name);
  if (referenceProblem(reference)) throw new TerraneError('not_found', 'The repository has no such image.');
  return context.images.scan(principal.tenant, name, reference);
}

/** For `docker login`: to pull for everyone, to push for editors. Who asked is in the audit log; what they got isn't. */
export async function imageCredentials(
  context: AccountsContext,
  principal: PersonPrincipal,
  access: 'pull' | 'push',
  who: Who,
): Promise<ImageCredentials & { readonly prefix: string }> {
  const { images, store } = context;
  const { tenant } = principal;
  if (access === 'push') requireRole(principal, 'editor', 'push images');
  const prefix = images.prefix(tenant);
  const credentials = await images.credentials(tenant, access);
  await recordAudit({ store }, tenant, who, 'image.credentials', access);
  return { prefix, ...credentials };
}
