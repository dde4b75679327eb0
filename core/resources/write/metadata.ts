import { duplicate, type FieldError, invalidValue, required } from '../field-error.ts';
import type { KindDefinition } from '../kinds/index.ts';
import { qualifiedName, validateAnnotations, validateLabels } from '../names.ts';
import type { AnyResource } from '../schema/kinds.ts';

/** Finalizers without a domain that Kubernetes itself defines. */
const STANDARD_FINALIZERS = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Rules of metadata that hold for every kind. */
export function validateMetadata(definition: KindDefinition, { metadata }: AnyResource): FieldError[] {
  const errors: FieldError[] = [];
  const wrongName = definition.nameRule(metadata.name);
  if (wrongName) errors.push(invalidValue('metadata.name', metadata.name, wrongName));
  errors.push(...validateLabels(metadata.labels, 'metadata.labels'));
  errors.push(...validateAnnotations(metadata.annotations, 'metadata.annotations'));
  const owners = new Set<string>();
  let controllers = 0;
  for (const [index, owner] of (metadata.ownerReferences ?? []).entries()) {
    const at = `metadata.ownerReferences[${index}]`;
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const)
      if (owner[field] === '') errors.push(required(`${at}.${field}`));
    if (owners.has(owner.uid)) errors.push(duplicate(`${at}.uid`, owner.uid));
    owners.add(owner.uid);
    if (owner.controller && ++controllers > 1)
      errors.push(
        invalidValue('metadata.ownerReferences', metadata.ownerReferences, 'only one reference can have controller set to true'),
      );
  }
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    const wrong = STANDARD_FINALIZERS.has(finalizer)
      ? undefined
      : (qualifiedName(finalizer) ?? (finalizer.includes('/') ? undefined : 'must be fully qualified (e.g. example.com/name)'));
    if (wrong) errors.push(invalidValue(`metadata.finalizers[${index}]`, finalizer, wrong));
  }
  return errors;
}
