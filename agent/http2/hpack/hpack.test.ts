import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { CompressionError, HpackDecoder } from './decoder.ts';
import { headerBlock } from './encode.ts';

const bytes = (hex: string) => Buffer.from(hex.replace(/\s/g, ''), 'hex');
const decoderOf = (tableBytesMax = 4096) => new HpackDecoder({ tableBytesMax, listBytesMax: 65_536 });
const shown = (decoder: HpackDecoder, hex: string) =>
  decoder.decode(bytes(hex)).fields.map(({ name, value }) => `${name}: ${value}`);

/** RFC 7541, appendix C. */
describe('the examples of the specification', () => {
  test.each([
    ['C.2.1 with indexing', '400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572', 'custom-key: custom-header', 55],
    ['C.2.2 without indexing', '040c 2f73 616d 706c 652f 7061 7468', ':path: /sample/path', 0],
    ['C.2.3 never indexed', '1008 7061 7373 776f 7264 0673 6563 7265 74', 'password: secret', 0],
    ['C.2.4 indexed', '82', ':method: GET', 0],
  ])('%s', (_, hex, field, size) => {
    const decoder = decoderOf();
    expect(shown(decoder, hex)).toEqual([field]);
    expect(decoder.tableSize).toBe(size);
  });

  const requests = [
    [[':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com'], 57],
    [[':method: GET', ':scheme: http', ':path: /', ':authority: www.example.com', 'cache-control: no-cache'], 110],
    [[':method: GET', ':scheme: https', ':path: /index.html', ':authority: www.example.com', 'custom-key: custom-value'], 164],
  ] as const;
  const date = (second: number) => `date: Mon, 21 Oct 2013 20:13:${second} GMT`;
  const location = 'location: https://www.example.com';
  const cookie = 'set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1';
  const responses = [
    [[':status: 302', 'cache-control: private', date(21), location], 222],
    [[':status: 307', 'cache-control: private', date(21), location], 222],
    [[':status: 200', 'cache-control: private', date(22), location, 'content-encoding: gzip', cookie], 215],
  ] as const;

  test.each([
    [
      'C.3 requests',
      4096,
      requests,
      [
        '8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d',
        '8286 84be 5808 6e6f 2d63 6163 6865',
        '8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65',
      ],
    ],
    [
      'C.4 requests with Huffman coding',
      4096,
      requests,
      [
        '8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff',
        '8286 84be 5886 a8eb 1064 9cbf',
        '8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf',
      ],
    ],
    [
      'C.5 responses, with a table too small for all of them',
      256,
      responses,
      [
        `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 474d
         546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        '4803 3330 37c1 c0bf',
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31`,
      ],
    ],
    [
      'C.6 responses with Huffman coding',
      256,
      responses,
      [
        `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7
         8f0b 97c8 e9ae 82ae 43d3`,
        '4883 640e ffc1 c0bf',
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
      ],
    ],
  ])('%s', (_, tableBytes, lists, blocks) => {
    const decoder = decoderOf(tableBytes);
    blocks.forEach((block, n) => {
      const [fields, size] = lists[n]!;
      expect(shown(decoder, block)).toEqual(fields);
      expect(decoder.tableSize).toBe(size);
    });
  });
});

test('the same block says something else once the table has changed, by a field or by its size', () => {
  const decoder = decoderOf();
  const literal = (value: string) => Buffer.concat([Buffer.from([0x40, 1, 0x78, 1]), Buffer.from(value)]).toString('hex');
  shown(decoder, literal('1'));
  expect(shown(decoder, 'be')).toEqual(['x: 1']);
  expect(shown(decoder, 'be')).toEqual(['x: 1']);
  shown(decoder, literal('2'));
  expect(shown(decoder, 'be')).toEqual(['x: 2']);
  expect(shown(decoder, 'bf')).toEqual(['x: 1']);
  shown(decoder, '20');
  expect(() => shown(decoder, 'be')).toThrow(CompressionError);
});

test('what a block says does not change with the bytes that it lay in', () => {
  const decoder = decoderOf();
  const block = bytes('82 84');
  const first = decoder.decode(block).fields.map(({ value }) => value);
  block[1] = 0x85;
  expect(first).toEqual(['GET', '/']);
  expect(decoder.decode(block).fields.map(({ value }) => value)).toEqual(['GET', '/index.html']);
});

test('what we encode is decoded to the same', () => {
  const name = fc.stringMatching(/^[a-z0-9-]{1,20}$/);
  const value = fc.string({ unit: 'binary-ascii', maxLength: 300 });
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (headers) => {
      const { fields } = decoderOf().decode(headerBlock(headers).bytes);
      expect(fields.map((field) => [field.name, field.value])).toEqual(headers);
    }),
  );
});

test('whatever the bytes, there are fields or a CompressionError, and the table keeps to its size', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 8 }), (blocks) => {
      const decoder = decoderOf(256);
      for (const block of blocks) {
        try {
          decoder.decode(Buffer.from(block));
        } catch (error) {
          expect(error).toBeInstanceOf(CompressionError);
          return;
        }
        expect(decoder.tableSize).toBeLessThanOrEqual(256);
      }
    }),
    { numRuns: 3000 },
  );
});

test('of a list that is too large the fields are dropped, but the table goes on with it', () => {
  const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 100 });
  const long = Buffer.concat([bytes('4001 61 01 62'), ...Array.from({ length: 50 }, () => bytes('be'))]);
  const { fields, tooLarge } = decoder.decode(long);
  expect(tooLarge).toBe(true);
  expect(fields.length).toBeLessThan(3);
  expect(decoder.decode(bytes('be')).fields).toMatchObject([{ name: 'a', value: 'b' }]);
});

test('a large table is emptied by a field that does not fit, and resized from the block', () => {
  const decoder = decoderOf(64);
  shown(decoder, '4001 61 01 62');
  expect(decoder.tableSize).toBe(34);
  shown(decoder, `4001 61 28 ${'62'.repeat(40)}`);
  expect(decoder.tableSize).toBe(0);
  shown(decoder, '4001 61 01 62');
  shown(decoder, '20');
  expect(decoder.tableSize).toBe(0);
});
