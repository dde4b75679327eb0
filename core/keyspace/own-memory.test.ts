import { describe, expect, test } from '@jest/globals';
import { inOwnMemory, keptAlone } from './own-memory.ts';

const bytes = (length: number, first: number) => Uint8Array.from({ length }, (_, index) => (first + index) % 256);

describe('memory for values that are kept', () => {
  test('holds each of them, whatever their lengths, apart from where they came from', () => {
    const lengths = [0, 1, 255, 256, 257, 1_000, 1_024, 5_000, 3, 256, 256, 256, 256, 256, 17];
    const from = new Uint8Array(10_000);
    const kept = lengths.map((length, index) => {
      from.set(bytes(length, index), 100);
      const copy = inOwnMemory(from.subarray(50), 50, length);
      from.fill(0xee);
      return copy;
    });
    expect(kept.map((each) => [...each])).toEqual(lengths.map((length, index) => [...bytes(length, index)]));
  });

  test('is a small block for several small ones, and never a large one for a small one', () => {
    const blocks = new Set(Array.from({ length: 400 }, () => inOwnMemory(bytes(10, 0)).buffer));
    expect(blocks.size).toBeLessThanOrEqual(6);
    for (const block of blocks) expect(block.byteLength).toBe(1_024);
    expect(inOwnMemory(bytes(300, 0)).buffer.byteLength).toBe(300);
  });

  test('is not taken again for a value that has a quarter of its block at least, or a small block', () => {
    const block = new Uint8Array(4_000);
    const [large, small] = [block.subarray(0, 1_000), block.subarray(0, 999)];
    expect(keptAlone(large)).toBe(large);
    expect(keptAlone(small).buffer).not.toBe(block.buffer);
    const inBlock = inOwnMemory(bytes(5, 0));
    expect(keptAlone(inBlock)).toBe(inBlock);
  });
});
