const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const FORM = /^(?:\d+(?:ms|s|m|h|d))+$/;

/** Durations as Kubernetes' and Prometheus' resources write them: `90s`, `1h30m`, `30d`. ms; undefined: it isn't one. */
export function parseDuration(text: string): number | undefined {
  if (!FORM.test(text)) return undefined;
  const total = [...text.matchAll(/(\d+)(ms|s|m|h|d)/g)].reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit!]!, 0);
  return Number.isSafeInteger(total) ? total : undefined;
}
