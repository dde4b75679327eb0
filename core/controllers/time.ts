/** Times in resources: RFC 3339 in whole seconds, UTC (Kubernetes' metav1.Time). */

/** Rounded down to the second. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** ms since the epoch; undefined for a missing or malformed time. */
export function parseTime(text: string | undefined): number | undefined {
  const ms = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
