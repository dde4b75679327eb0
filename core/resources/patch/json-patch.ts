import { cloneJson } from '../clone.ts';
import fastJsonPatch, { type Operation } from 'fast-json-patch';
import { badRequest, StatusError } from '../status.ts';

/** More would only be an attempt to keep the server busy; Kubernetes has the same limit. */
const MAX_OPERATIONS = 10_000;

/**
 * JSON patch, RFC 6902. The target isn't changed. Throws BadRequest for something that isn't a patch, Invalid (422) for one that
 * doesn't apply: a path that doesn't exist, or a `test` that fails.
 */
export function jsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch))
    throw badRequest('a JSON patch is a list of operations, such as [{"op":"remove","path":"/metadata/labels/a"}]');
  if (patch.length > MAX_OPERATIONS)
    throw new StatusError('RequestEntityTooLarge', `a JSON patch may have at most ${MAX_OPERATIONS} operations`);
  try {
    return fastJsonPatch.applyPatch(cloneJson(target), patch as Operation[], true).newDocument;
  } catch (error) {
    throw new StatusError('Invalid', `the server rejected our request due to an error in our request: ${firstLine(error)}`);
  }
}

/** The library's messages go on with the whole document, which may hold secrets. */
function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0]!;
}
