/** "just now", "5 min ago", "in 3 days". */
export function fromNow(at: number, now: number): string {
  const seconds = Math.round((at - now) / 1000);
  const size = Math.abs(seconds);
  if (size < 45) return seconds > 0 ? 'in less than a minute' : 'just now';
  const [unit, of] = UNITS.find(([, length]) => size >= length * 0.75) ?? UNITS.at(-1)!;
  return WORDS.format(Math.round(seconds / of), unit);
}

const WORDS = new Intl.RelativeTimeFormat('en', { numeric: 'always' });
const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
];

/** A Kubernetes quantity of bytes ("8123456Ki", "16Gi", "1234") as people read it. */
export function bytes(quantity: string | number | undefined): string {
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|k|M|G|T)?$/.exec(String(quantity ?? '')) ?? [];
  if (digits === undefined) return String(quantity ?? '-');
  const size = Number(digits) * (FACTORS[unit] ?? 1);
  const [name, factor] = [...SIZES].find(([, least]) => size >= least) ?? ['B', 1];
  const number = size / factor;
  return `${number >= 100 ? Math.round(number) : Number(number.toFixed(1))} ${name}`;
}

const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};
const SIZES: readonly (readonly [string, number])[] = [
  ['TiB', 1024 ** 4],
  ['GiB', 1024 ** 3],
  ['MiB', 1024 ** 2],
  ['KiB', 1024],
];

/** "500m" and "4" CPUs. */
export function cpus(quantity: string | number | undefined): string {
  if (quantity === undefined) return '-';
  const text = String(quantity);
  const cores = text.endsWith('m') ? Number(text.slice(0, -1)) / 1000 : Number(text);
  return Number.isFinite(cores) ? `${cores} CPU${cores === 1 ? '' : 's'}` : text;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
