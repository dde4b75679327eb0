import { jsonText } from './json-line.ts';

/** An error with where it was thrown, and what caused it: for the operator's log, never for a client. */
export function withCauses(error: unknown): string {
  const parts: string[] = [];
  for (let at = error; at !== undefined && parts.length < 5; at = at instanceof Error ? at.cause : undefined)
    parts.push(at instanceof Error ? (at.stack ?? at.message) : jsonText(at));
  return parts.join('\ncaused by: ');
}
