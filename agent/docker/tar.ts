/** A tar archive (POSIX ustar) in memory: what an image that is made on the spot consists of. */
export type TarEntry =
  | { readonly path: string; readonly content: Uint8Array | string; readonly mode?: number }
  | { readonly path: string; readonly linkTo: string }
  | { readonly path: string; readonly directory: true; readonly mode?: number };

const BLOCK = 512;

/** The archive's bytes. Everything belongs to root, and times are 0, so that the same entries give the same bytes. */
export function tar(entries: readonly TarEntry[]): Buffer {
  const blocks: Buffer[] = [];
  for (const entry of entries) {
    const content = 'content' in entry ? Buffer.from(entry.content) : Buffer.alloc(0);
    blocks.push(header(entry, content.length), content, Buffer.alloc(-content.length & (BLOCK - 1)));
  }
  return Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]);
}

function header(entry: TarEntry, size: number): Buffer {
  if (Buffer.byteLength(entry.path) > 100) throw new Error(`path too long for a tar header: ${entry.path}`);
  const block = Buffer.alloc(BLOCK);
  const octal = (value: number, at: number, length: number) =>
    block.write(`${value.toString(8).padStart(length - 1, '0')}\0`, at, 'latin1');
  block.write(entry.path, 0);
  octal(modeOf(entry), 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  block.write('        ', 148, 'latin1');
  block.write('content' in entry ? '0' : 'linkTo' in entry ? '2' : '5', 156, 'latin1');
  if ('linkTo' in entry) block.write(entry.linkTo, 157);
  block.write('ustar\x0000', 257, 'latin1');
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

function modeOf(entry: TarEntry): number {
  if ('linkTo' in entry) return 0o777;
  return entry.mode ?? ('directory' in entry ? 0o755 : 0o644);
}
