import { randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pack, unpack } from './packed.ts';

const documents = (count: number) =>
  Buffer.from(
    Array.from({ length: count }, (_, n) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'Lease', metadata: { name: randomBytes(6).toString('hex'), generation: n } }),
    ).join('\n'),
  );

describe('packed bytes', () => {
  test('come out as they went in, packed either way', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4_000 }), fc.nat(5), fc.boolean(), fc.nat(9_000), (bytes, times, quickly, head) => {
        const long = Buffer.concat(Array.from({ length: times + 1 }, () => bytes));
        expect(Buffer.from(unpack(pack(long, { quickly, head }), 'it')).equals(long)).toBe(true);
      }),
    );
  });

  test('whose head alone can be compressed have it compressed alone', () => {
    const [head, values] = [documents(20), randomBytes(16_000)];
    const bytes = Buffer.concat([head, values]);
    const packed = pack(bytes, { head: head.length });
    expect(Buffer.from(unpack(packed, 'it')).equals(bytes)).toBe(true);
    expect(packed.length).toBeLessThan(pack(bytes).length);
    expect(packed.length).toBeLessThan(values.length + head.length / 2);
  });

  test('that are all alike are compressed as one, wherever the head is said to end', () => {
    const text = documents(200);
    expect(pack(text, { head: 1_000 })).toEqual(pack(text));
  });

  test('that were changed or cut anywhere are refused', () => {
    const packed = pack(Buffer.concat([documents(20), randomBytes(4_000)]), { head: documents(20).length });
    for (let at = 0; at < packed.length; at += 97) {
      const changed = Uint8Array.from(packed);
      changed[at]! ^= 1;
      expect(() => unpack(changed, 'it')).toThrow('it is damaged');
      expect(() => unpack(packed.subarray(0, at), 'it')).toThrow('it is damaged');
    }
  });

  test('in a hurry, what repeats itself is compressed, and what does not is left as it is', () => {
    const text = documents(100);
    expect(pack(text, { quickly: true }).length).toBeLessThan(text.length / 2);
    const noise = Buffer.from(randomBytes(12_000).toString('base64'));
    expect(pack(noise, { quickly: true }).length).toBe(noise.length + 9);
    // Without a hurry it is a quarter smaller: base64 has six bits in eight.
    expect(pack(noise).length).toBeLessThan(noise.length * 0.8);
  });
});
