/** An absolute number or a percentage such as `25%` (Kubernetes' IntOrString where a percentage makes sense). */
export type IntOrPercent = number | string;

const PERCENT = /^(\d{1,9})%$/;

/** What is wrong with the value, or nothing. */
export function checkIntOrPercent(value: IntOrPercent): string | undefined {
  if (typeof value === 'number') return value >= 0 && Number.isInteger(value) ? undefined : 'must be greater than or equal to 0';
  return PERCENT.test(value) ? undefined : "must be a whole number or a percentage (e.g. '25%')";
}

/** The absolute number it means of `total`. Throws RangeError if the value is malformed. */
export function resolveIntOrPercent(value: IntOrPercent, total: number, round: 'up' | 'down'): number {
  const wrong = checkIntOrPercent(value);
  if (wrong) throw new RangeError(`${JSON.stringify(value)}: ${wrong}`);
  if (typeof value === 'number') return value;
  const percent = Number(PERCENT.exec(value)![1]);
  // Whole numbers first: 0.07 * 100 is 7.000000000000001 in floating point, which would round up to 8.
  const hundredths = percent * total;
  return round === 'up' ? Math.ceil(hundredths / 100) : Math.floor(hundredths / 100);
}

/** maxSurge and maxUnavailable of a rolling update in pods; never both 0, or the update could not move. */
export function rollingUpdateBounds(
  rollingUpdate: { maxSurge?: IntOrPercent; maxUnavailable?: IntOrPercent } | undefined,
  replicas: number,
): { maxSurge: number; maxUnavailable: number } {
  const maxSurge = resolveIntOrPercent(rollingUpdate?.maxSurge ?? '25%', replicas, 'up');
  const maxUnavailable = resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? '25%', replicas, 'down');
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas) };
}
