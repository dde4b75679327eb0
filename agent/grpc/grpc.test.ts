import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MessageMemory, MessageReader } from './message-reader.ts';
import { GrpcError, percentEncode } from './status.ts';
import { parseTimeout } from './timeout.ts';

const framed = (message: Uint8Array) => {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};

test('messages are the same however their bytes are cut, and nothing is held afterwards', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(messages, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sent, cuts) => {
      const memory = new MessageMemory(10_000);
      const got: Buffer[] = [];
      const reader = new MessageReader((message) => got.push(Buffer.from(message)), 1000, memory);
      const bytes = Buffer.concat(sent.map(framed));
      for (let at = 0, n = 0; at < bytes.length; n++) {
        const to = at + cuts[n % cuts.length]!;
        reader.push(bytes.subarray(at, to));
        at = to;
      }
      expect(got).toEqual(sent.map((message) => Buffer.from(message)));
      expect([memory.used, reader.within]).toEqual([0, false]);
    }),
  );
});

test('a message is refused by its length, before it has come', () => {
  const reader = new MessageReader(() => undefined, 1000, new MessageMemory(10_000));
  expect(() => reader.push(Buffer.from([0, 0, 0, 3, 233]))).toThrow('grpc: received message larger than max (1001 vs. 1000)');
});

test('unfinished messages of all calls together are bounded, and what is given up is free again', () => {
  const memory = new MessageMemory(1000);
  const readers = Array.from({ length: 3 }, () => new MessageReader(() => undefined, 5000, memory));
  const part = framed(new Uint8Array(4000)).subarray(0, 400);
  readers[0]!.push(part);
  readers[1]!.push(part);
  expect(() => readers[2]!.push(part)).toThrow(GrpcError);
  readers[0]!.clear();
  expect(() => readers[2]!.push(part)).not.toThrow();
});

describe('grpc-timeout', () => {
  test.each([
    ['1H', 3_600_000],
    ['2M', 120_000],
    ['3S', 3000],
    ['4m', 4],
    ['5u', 1],
    ['6n', 1],
    ['0S', 0],
    ['99999999H', undefined],
  ])('%s is %s ms', (header, milliseconds) => expect(parseTimeout(header)).toBe(milliseconds));

  test.each(['', '1', 'S', '-1S', '1.5S', '123456789S', '1s'])('%j is none', (header) => {
    expect(() => parseTimeout(header)).toThrow(GrpcError);
  });
});

test('grpc-message is ASCII that decodes to the message', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (message) => {
      const encoded = percentEncode(message);
      expect(encoded).toMatch(/^[\x20-\x7e]*$/);
      expect(decodeURIComponent(encoded)).toBe(message);
    }),
  );
});
