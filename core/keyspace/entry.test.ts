import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeEntry, encodeEntry, type Entry, type Operation } from './entry.ts';
import { CorruptLogError } from './errors.ts';

const key = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const value = fc.uint8Array({ maxLength: 300 });
const lease = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const count = fc.maxSafeNat();
const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ type: fc.constant('put' as const), key, value, lease, fresh: fc.boolean() }),
  fc.record({ type: fc.constant('delete' as const), key }),
  fc.record({ type: fc.constant('grant' as const), lease, ttlSeconds: count }),
  fc.record({ type: fc.constant('revoke' as const), lease }),
  fc.record({ type: fc.constant('compact' as const), revision: count }),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  sequence: count,
  writer: fc.string({ unit: 'grapheme' }),
  batch: count,
  time: count,
  baseRevision: count,
  records: fc.array(
    fc.record({
      requestId: fc.option(fc.string({ minLength: 1, unit: 'grapheme' }), { nil: undefined }),
      operations: fc.array(operation),
    }),
  ),
});

describe('the format of an entry', () => {
  test('what was written is what is read, to the byte', () => {
    fc.assert(fc.property(entry, (each) => expect(decodeEntry(each.sequence, encodeEntry(each))).toEqual(each)));
  });

  test('an entry that was cut short is refused', () => {
    fc.assert(
      fc.property(entry, fc.nat(), (each, at) => {
        const bytes = encodeEntry(each);
        const cut = bytes.subarray(0, at % bytes.length);
        expect(() => decodeEntry(1, cut)).toThrow(CorruptLogError);
      }),
    );
  });

  test('a format of the future is refused, with what to do', () => {
    const bytes = encodeEntry({ sequence: 1, writer: 'w', batch: 1, time: 0, baseRevision: 1, records: [] });
    bytes[0] = 2;
    expect(() => decodeEntry(1, bytes)).toThrow('this version of Terrane reads 1; update it');
  });
});
