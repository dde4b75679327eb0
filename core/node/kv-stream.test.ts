import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeTailQuestion, encodeFrame, encodeTailQuestion, FrameError, FrameReader } from './kv-stream.ts';

describe('frames', () => {
  test('come out as they went in, however the connection cuts them', () => {
    const frame = fc.record({
      id: fc.nat(0xffffffff),
      code: fc.nat(0xffff),
      payload: fc.uint8Array({ maxLength: 300 }),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(400), { maxLength: 20 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.map(({ id, code, payload }) => encodeFrame(id, code, payload)));
        const reader = new FrameReader(300);
        const read = [];
        let from = 0;
        for (const cut of [...cuts, bytes.length]) {
          const to = Math.min(bytes.length, from + cut);
          for (const each of reader.push(bytes.subarray(from, to))) read.push({ ...each, payload: new Uint8Array(each.payload) });
          from = to;
        }
        expect(read).toEqual(frames);
      }),
    );
  });

  test('that come byte by byte are held in few pieces', () => {
    const payload = Buffer.alloc(100_000, 7);
    const bytes = encodeFrame(1, 2, payload);
    const reader = new FrameReader(payload.length);
    let most = 0;
    let early = 0;
    for (let at = 0; at < bytes.length - 1; at++) {
      early += reader.push(bytes.subarray(at, at + 1)).length;
      most = Math.max(most, reader.pieces);
    }
    expect([early, most < 50]).toEqual([0, true]);
    const [whole] = reader.push(bytes.subarray(-1));
    expect([whole?.id, whole?.code, whole?.payload.equals(payload)]).toEqual([1, 2, true]);
  });

  test('that are longer than allowed, or shorter than they can be, are refused before they are there', () => {
    expect(() => new FrameReader(10).push(encodeFrame(1, 1, new Uint8Array(11)).subarray(0, 4))).toThrow(FrameError);
    expect(() => new FrameReader(10).push(Buffer.from([0, 0, 0, 5]))).toThrow(FrameError);
    expect(() => new FrameReader(10).push(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toThrow(FrameError);
  });
});

test('a question about the tail says all that its HTTP twin does', () => {
  const question = fc.record({
    after: fc.nat(),
    verify: fc.boolean(),
    news: fc.boolean(),
    watch: fc.boolean(),
  });
  fc.assert(fc.property(question, (asked) => expect(decodeTailQuestion(encodeTailQuestion(asked))).toEqual(asked)));
});
