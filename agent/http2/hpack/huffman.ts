/**
 * HPACK's Huffman code (RFC 7541, section 5.2 and appendix B). The code is canonical: symbols by length, then by value, number the
 * codes. So the lengths say everything, and 256 is the end of the string.
 */
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const chars = (text: string) => [...Buffer.from(text, 'latin1')];

const SYMBOLS_BY_LENGTH: Readonly<Record<number, readonly number[]>> = {
  5: chars('012aceiost'),
  6: chars(' %-./3456789=A_bdfghlmnpru'),
  7: chars(':BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz'),
  8: chars('&*,;XZ'),
  10: chars('!"()?'),
  11: chars("'+|"),
  12: chars('#>'),
  13: [0, ...chars('$@[]~')],
  14: chars('^}'),
  15: chars('<`{'),
  19: [92, 195, 208],
  20: [128, 130, 131, 162, 184, 194, 224, 226],
  21: [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
  22: [
    129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170, 173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232,
    233,
  ],
  23: [
    1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157, 158, 165, 166, 168, 174, 175, 180, 182, 183, 188,
    191, 197, 231, 239,
  ],
  24: [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
  25: [199, 207, 234, 235],
  26: [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
  27: [203, 204, 211, 212, 214, 221, 222, 223, 241, 244, 245, 246, 247, 248, 250, 251, 252, 253, 254],
  28: [...range(2, 8), 11, 12, ...range(14, 21), ...range(23, 31), 127, 220, 249],
  30: [10, 13, 22, 256],
};

const END_OF_STRING = 256;
const PADDING_BITS_MAX = 7;

interface Node {
  readonly id: number;
  readonly next: [Branch | undefined, Branch | undefined];
  /** Depth, if it lies on the way of nothing but ones: a string may end here, padded. */
  readonly onesOnly: number | undefined;
}
type Branch = Node | number;

function tree(): Node[] {
  const nodes: Node[] = [{ id: 0, next: [undefined, undefined], onesOnly: 0 }];
  let code = 0;
  let previous = 0;
  for (const [bits, symbols] of Object.entries(SYMBOLS_BY_LENGTH)) {
    const length = Number(bits);
    code <<= length - previous;
    previous = length;
    for (const symbol of symbols) insert(nodes, code++, length, symbol);
  }
  return nodes;
}

function insert(nodes: Node[], code: number, length: number, symbol: number): void {
  let node = nodes[0]!;
  for (let bit = length - 1; bit > 0; bit--) {
    const side = ((code >>> bit) & 1) as 0 | 1;
    let next = node.next[side];
    if (next === undefined) {
      const onesOnly = side === 1 && node.onesOnly !== undefined ? node.onesOnly + 1 : undefined;
      next = { id: nodes.length, next: [undefined, undefined], onesOnly };
      nodes.push(next);
      node.next[side] = next;
    }
    node = next as Node;
  }
  node.next[(code & 1) as 0 | 1] = symbol;
}

const INVALID = -1;
const NO_SYMBOL = -1;

/** Four bits at a time: from a node on, where they lead, and the symbol passed on the way (codes have five bits and more). */
const { NEXT, SYMBOL, MAY_END } = machine(tree());

function machine(nodes: readonly Node[]) {
  const NEXT = new Int16Array(nodes.length * 16).fill(INVALID);
  const SYMBOL = new Int16Array(nodes.length * 16).fill(NO_SYMBOL);
  for (const start of nodes) {
    for (let nibble = 0; nibble < 16; nibble++) {
      let node: Node = start;
      let valid = true;
      for (let bit = 3; bit >= 0 && valid; bit--) {
        const next: Branch = node.next[((nibble >>> bit) & 1) as 0 | 1]!;
        if (typeof next !== 'number') node = next;
        else if (next === END_OF_STRING) valid = false;
        else {
          SYMBOL[start.id * 16 + nibble] = next;
          node = nodes[0]!;
        }
      }
      if (valid) NEXT[start.id * 16 + nibble] = node.id;
    }
  }
  const MAY_END = nodes.map(({ onesOnly }) => onesOnly !== undefined && onesOnly <= PADDING_BITS_MAX);
  return { NEXT, SYMBOL, MAY_END };
}

/** One character a byte. Undefined: the bytes are no string of this code. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  // The shortest code has five bits.
  const decoded = Buffer.allocUnsafe(Math.ceil(((to - from) * 8) / 5));
  let length = 0;
  let state = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at]!;
    for (let half = 0; half < 2; half++) {
      const step = state * 16 + (half === 0 ? byte >>> 4 : byte & 15);
      const symbol = SYMBOL[step]!;
      if (symbol !== NO_SYMBOL) decoded[length++] = symbol;
      state = NEXT[step]!;
      if (state === INVALID) return undefined;
    }
  }
  return MAY_END[state] ? decoded.toString('latin1', 0, length) : undefined;
}
