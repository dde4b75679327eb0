/** Keys and values as etcd's gateway has them: base64 of their bytes. */

export function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

export function decode(base64: string | undefined): Buffer {
  return Buffer.from(base64 ?? '', 'base64');
}

export interface RangeOptions {
  readonly prefix?: boolean;
  readonly fromKey?: boolean;
}

/** As etcdctl: a key, `[key, end)`, everything that begins with it, or everything from it on. */
export function keyRange(key: string, end: string | undefined, { prefix, fromKey }: RangeOptions): Record<string, string> {
  if (prefix && key === '') return { key: ZERO, range_end: ZERO };
  if (fromKey) return { key: key === '' ? ZERO : encode(key), range_end: ZERO };
  if (prefix) return { key: encode(key), range_end: prefixEnd(Buffer.from(key, 'utf8')).toString('base64') };
  return { key: encode(key), ...(end === undefined ? {} : { range_end: encode(end) }) };
}

const ZERO = Buffer.from([0]).toString('base64');

/** The first key after all that begin with `prefix`. */
function prefixEnd(prefix: Buffer): Buffer {
  for (let last = prefix.length - 1; last >= 0; last--) {
    if (prefix[last]! === 0xff) continue;
    const end = Buffer.from(prefix.subarray(0, last + 1));
    end[last]!++;
    return end;
  }
  return Buffer.from([0]);
}
