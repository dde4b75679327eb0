import { type Io, line } from '../io.ts';
import { type Colour, paint, plainText } from './colour.ts';

export interface Column<T> {
  readonly title: string;
  readonly value: (row: T) => string | number | undefined;
  /** Only on a terminal that wants colour; the words say the same. */
  readonly colour?: (row: T) => Colour | undefined;
}

const segmenter = new Intl.Segmenter();

/** Columns two blanks apart, `-` where there is nothing. The same for terminals and pipes, but for colour. */
export async function printTable<T>(io: Io, columns: readonly Column<T>[], rows: readonly T[], header = true): Promise<void> {
  const cells = rows.map((row) => columns.map(({ value }) => cell(value(row))));
  const widths = columns.map(({ title }, i) => Math.max(header ? title.length : 0, ...cells.map((row) => width(row[i]!))));
  if (header) await line(io.out, join(columns.map(({ title }, i) => pad(title, widths[i]!))));
  for (const [r, row] of rows.entries()) {
    const painted = columns.map(({ colour }, i) => {
      const tone = colour?.(row);
      const text = pad(cells[r]![i]!, widths[i]!);
      return tone ? paint(io.out, io.env, tone, text) : text;
    });
    await line(io.out, join(painted));
  }
}

function cell(value: string | number | undefined): string {
  const text = value === undefined || value === '' ? '-' : plainText(String(value));
  return text.replaceAll(/\s*\n\s*/g, ' ');
}

function pad(text: string, length: number): string {
  return text + ' '.repeat(Math.max(0, length - width(text)));
}

function width(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : Array.from(segmenter.segment(text)).length;
}

function join(cells: readonly string[]): string {
  return cells.join('  ').trimEnd();
}
