import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeEntry, encodeEntry, type Entry, ENTRY_FORMAT, entryFor, type Operation } from './entry.ts';
import { encodeEntry1 } from './entry-format-1.ts';
import { valuesAt } from './entry-format-2.ts';
import { CorruptLogError } from './errors.ts';

const anyKey = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
/** As programs name things: much the same as the one before. */
const likeKey = fc
  .tuple(fc.constantFrom('/registry/pods/default/', '/registry/pods/d', 'a', ''), fc.nat(300))
  .map(([of, n]) => `${of}${n}`);
const key = fc.oneof(anyKey, likeKey);
const value = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constant(new Uint8Array(64).fill(7)));
const lease = fc.oneof(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), fc.constantFrom(0n, 7n));
const count = fc.maxSafeNat();
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('put' as const), key, value, lease, fresh: fc.boolean() }), weight: 5 },
  fc.record({ type: fc.constant('delete' as const), key }),
  fc.record({ type: fc.constant('grant' as const), lease, ttlSeconds: count }),
  fc.record({ type: fc.constant('revoke' as const), lease }),
  fc.record({ type: fc.constant('compact' as const), revision: count }),
  fc.constant({ type: 'elsewhere' as const }),
  fc.record({
    type: fc.constant('set' as const),
    name: fc.string({ unit: 'grapheme' }),
    value: fc.option(value, { nil: undefined }),
  }),
);
/** Of hosts that count their calls, and of whoever else. */
const requestId = fc.oneof(
  fc.tuple(fc.constantFrom('host-a/', 'host-b/', 'host-a/1', ''), fc.nat(12)).map(([of, n]) => `${of}${n}`),
  fc.constantFrom('007', 'x00', 'x9', 'x10', `x${'9'.repeat(15)}`, `x1${'0'.repeat(15)}`, `x${'9'.repeat(30)}`),
  fc.string({ minLength: 1, unit: 'grapheme' }),
);
const entry: fc.Arbitrary<Entry> = fc.record({
  sequence: count,
  writer: fc.string({ unit: 'grapheme' }),
  batch: count,
  time: count,
  baseRevision: count,
  records: fc.array(
    fc.record({
      requestId: fc.option(requestId, { nil: undefined }),
      operations: fc.array(operation),
    }),
    { maxLength: 20 },
  ),
});

const formats = [
  ['what is written', encodeEntry],
  ['format 1', encodeEntry1],
] as const;

/** As version 0.1.0 wrote them, before there was another format. */
const OF_FORMAT_1: readonly (readonly [hex: string, Entry])[] = [
  [
    '010c77334a6b2d5f783951613262ac02fbbf99e9ab33290513614756736247387464323979624751742f3137020303612f310301020302800000000000000004612fff000000030400000000000000070162010001016201ff0503612f310466c3bc72000004067fffffffffffffff3c07fffffffffffffffb08280900020a0461757468027b7d0b05616c61726d',
    {
      sequence: 7,
      writer: 'w3Jk-_x9Qa2b',
      batch: 300,
      time: 1764110000123,
      baseRevision: 41,
      records: [
        {
          requestId: 'aGVsbG8td29ybGQt/17',
          operations: [
            { type: 'put', key: 'a/1', value: bytes(1, 2, 3), lease: 0n, fresh: true },
            { type: 'put', key: 'a/\u00ff\u0000', value: bytes(), lease: -(2n ** 63n), fresh: false },
          ],
        },
        {
          requestId: undefined,
          operations: [
            { type: 'put', key: 'b', value: bytes(0), lease: 7n, fresh: true },
            { type: 'put', key: 'b', value: bytes(255), lease: 0n, fresh: false },
            { type: 'delete', key: 'a/1' },
          ],
        },
        { requestId: 'f\u00fcr', operations: [] },
        {
          requestId: undefined,
          operations: [
            { type: 'grant', lease: 2n ** 63n - 1n, ttlSeconds: 60 },
            { type: 'revoke', lease: -5n },
            { type: 'compact', revision: 40 },
            { type: 'elsewhere' },
          ],
        },
        {
          requestId: undefined,
          operations: [
            { type: 'set', name: 'auth', value: bytes(123, 125) },
            { type: 'set', name: 'alarm', value: undefined },
          ],
        },
      ],
    },
  ],
  ['010000000100', { sequence: 1, writer: '', batch: 0, time: 0, baseRevision: 1, records: [] }],
  [
    `01017701ffffffffffffff0fffffffffffffff0f01000101c801${'6b'.repeat(200)}ac02${'09'.repeat(300)}`,
    {
      sequence: 2,
      writer: 'w',
      batch: 1,
      time: Number.MAX_SAFE_INTEGER,
      baseRevision: Number.MAX_SAFE_INTEGER,
      records: [
        {
          requestId: undefined,
          operations: [{ type: 'put', key: 'k'.repeat(200), value: new Uint8Array(300).fill(9), lease: 0n, fresh: false }],
        },
      ],
    },
  ],
];

describe.each(formats)('an entry, %s', (_, encode) => {
  test('what was written is what is read, to the byte', () => {
    fc.assert(fc.property(entry, (each) => expect(decodeEntry(each.sequence, encode(each))).toEqual(each)));
  });

  test('one that was cut short anywhere is refused', () => {
    fc.assert(
      fc.property(entry, (each) => {
        const whole = encode(each);
        for (let length = 0; length < whole.length; length += 1 + (length >> 5)) {
          expect(() => decodeEntry(1, whole.subarray(0, length))).toThrow(CorruptLogError);
        }
      }),
      { numRuns: 40 },
    );
  });

  test('one that was changed is an entry or refused: it neither crashes nor takes for ever', () => {
    fc.assert(
      fc.property(entry, fc.nat(), fc.nat(255), (each, at, byte) => {
        const changed = Uint8Array.from(encode(each));
        changed[at % changed.length] = byte;
        decodedOrRefused(changed);
      }),
    );
  });
});

describe('the format of an entry', () => {
  test('what is written is of the format that is said to agents', () => {
    fc.assert(fc.property(entry, (each) => expect(encodeEntry(each)[0]).toBe(ENTRY_FORMAT)));
  });

  test.each(OF_FORMAT_1)('entries written before there was another format are read as ever (%#)', (hex, was) => {
    expect(decodeEntry(was.sequence, Buffer.from(hex, 'hex'))).toEqual(was);
    expect(Buffer.from(encodeEntry1(was)).toString('hex')).toBe(hex);
  });

  test('any bytes are an entry or refused', () => {
    fc.assert(
      fc.property(fc.constantFrom(1, 2), fc.uint8Array({ maxLength: 200 }), (format, rest) => {
        decodedOrRefused(Uint8Array.of(format, ...rest));
      }),
      { numRuns: 2_000 },
    );
  });

  test('a number that says there is more than there can be costs no memory', () => {
    const huge = [255, 255, 255, 255, 255, 255, 255, 15];
    // Records, operations of a record, a value, bytes of a key that are new, and gone.
    const damaged = [
      [1, 0, 0, 0, 0, ...huge],
      [1, 0, 0, 0, 0, 1, 0, ...huge, 5],
      [2, ...huge, 0, 0, 0, 0, 0],
      [2, 0, 0, 0, 0, 0, ...huge, 0x88],
      [2, 0, 0, 0, 0, 0, 1, 0x80, 0x0f, ...huge],
      [2, 0, 0, 0, 0, 0, 1, 0x80, 0xf0, ...huge],
    ];
    for (const body of damaged) expect(() => decodeEntry(1, Uint8Array.from(body))).toThrow(CorruptLogError);
  });

  test('a value that is read of a part of a larger block, of a file or of what came over a connection, does not keep that', () => {
    const value = new Uint8Array(256).fill(7);
    const put: Operation = { type: 'put', key: 'k', value, lease: 0n, fresh: true };
    const body = encodeEntry({
      sequence: 1,
      writer: 'w',
      batch: 1,
      time: 1,
      baseRevision: 1,
      records: [{ requestId: undefined, operations: [put] }],
    });
    const block = Buffer.alloc(1_000_000);
    block.set(body, 5_000);
    const [read] = decodeEntry(1, block.subarray(5_000, 5_000 + body.length)).records[0]!.operations;
    expect(read).toEqual(put);
    expect((read as typeof put).value.buffer.byteLength).toBeLessThanOrEqual(1_024);
  });

  test('something behind its end is refused', () => {
    fc.assert(
      fc.property(entry, (each) => {
        expect(() => decodeEntry(1, Uint8Array.of(...encodeEntry(each), 0))).toThrow(CorruptLogError);
      }),
    );
  });

  test('a format of the future is refused, with what to do', () => {
    const body = encodeEntry({ sequence: 1, writer: 'w', batch: 1, time: 0, baseRevision: 1, records: [] });
    body[0] = ENTRY_FORMAT + 1;
    expect(() => decodeEntry(1, body)).toThrow(`this version of Terrane reads 1 to ${ENTRY_FORMAT}; update it`);
  });

  test('its values stand together at the end', () => {
    fc.assert(
      fc.property(entry, (each) => {
        const values = each.records.flatMap(({ operations }) => operations.flatMap((o) => (o.type === 'put' ? [o.value] : [])));
        const body = encodeEntry(each);
        expect(Buffer.from(body.subarray(valuesAt(body)))).toEqual(Buffer.concat(values));
      }),
    );
  });

  test('puts of one host, of values of one length: two bytes each beside what is new in the key and the value', () => {
    const put = (n: number): Operation => ({
      type: 'put',
      key: `/app/worker/${1_000 + n}`,
      value: new Uint8Array(100),
      lease: 0n,
      fresh: false,
    });
    const records = (from: number, n: number) =>
      Array.from({ length: n }, (_, at) => ({ requestId: `ZrT3k9-Qa_2bX01c/${from + at}`, operations: [put(100 + at)] }));
    const length = (n: number) =>
      encodeEntry({ sequence: 1, writer: 'w', batch: 1, time: 0, baseRevision: 1, records: records(5, n) }).length;
    // Of ten that follow each other, nine have one new digit and one two.
    expect(length(64) - length(54)).toBe(10 * (100 + 2 + 1) + 1);
  });
});

describe('an entry for a reader of another version', () => {
  test('is as it was where that version reads it, and the same in the older format where not', () => {
    fc.assert(
      fc.property(entry, (each) => {
        const { sequence } = each;
        const [newer, older] = [encodeEntry(each), encodeEntry1(each)];
        expect(entryFor(2, { sequence, body: newer })).toEqual({ sequence, body: newer });
        expect(entryFor(9, { sequence, body: newer })).toEqual({ sequence, body: newer });
        expect(entryFor(1, { sequence, body: newer })).toEqual({ sequence, body: older });
        for (const reads of [1, 2]) expect(entryFor(reads, { sequence, body: older })).toEqual({ sequence, body: older });
      }),
    );
  });
});

function decodedOrRefused(body: Uint8Array): void {
  try {
    decodeEntry(1, body);
  } catch (error) {
    expect(error).toBeInstanceOf(CorruptLogError);
  }
}

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}
