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
      fc.property(fc.uint8Array({ maxLength: 4_000 }), fc.nat(5), fc.boolean(), (bytes, times, quickly) => {
        const long = Buffer.concat(Array.from({ length: times + 1 }, () => bytes));
        expect(Buffer.from(unpack(pack(long, { quickly }), 'it')).equals(long)).toBe(true);
      }),
    );
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
