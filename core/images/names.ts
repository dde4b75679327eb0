/** Rules for names in an image registry. Each answers what is wrong, or nothing. */

/** One component of a path (https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests). */
const REPOSITORY = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

export function repositoryProblem(name: string): string | undefined {
  if (name.length < 2 || name.length > 100) return 'must be 2 to 100 characters';
  return REPOSITORY.test(name) ? undefined : "must be lower-case letters and digits, with single '.', '_' or '-' between them";
}

export function referenceProblem(reference: string): string | undefined {
  return TAG.test(reference) || DIGEST.test(reference) ? undefined : 'must be a tag, or a digest such as sha256:…';
}

export function isDigest(reference: string): boolean {
  return DIGEST.test(reference);
}
