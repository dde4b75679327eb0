const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** 1536 -> "1.5 KB", 2_000_000_000 -> "2 GB": powers of ten, as limits are given. */
export function bytesText(bytes: number): string {
  let size = bytes;
  let unit = 0;
  // What would round to 1000 is one of the next unit.
  while (size >= 999.95 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toFixed(1))} ${UNITS[unit]}`;
}
