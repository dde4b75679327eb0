/** As times in resources are written: RFC 3339 in whole seconds, rounded down, UTC (Kubernetes' metav1.Time). `ms` since the epoch. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
