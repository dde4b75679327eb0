import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { execEnd, type ExecFrame, execFrameReader, execOutput } from './exec-frames.ts';

describe('the output of a command', () => {
  test('is read as it was written, however it is cut on the way', () => {
    const output = fc.tuple(fc.constantFrom('stdout' as const, 'stderr' as const), fc.uint8Array({ maxLength: 50 }));
    fc.assert(
      fc.property(fc.array(output), fc.nat(255), fc.integer({ min: 1, max: 20 }), (outputs, exitCode, size) => {
        const parts = [...outputs.map(([channel, bytes]) => execOutput(channel, bytes)), execEnd({ exitCode })];
        const all = Buffer.concat(parts);
        const read = execFrameReader();
        const frames: ExecFrame[] = [];
        for (let at = 0; at < all.length; at += size) frames.push(...read(all.subarray(at, at + size)));
        expect(frames).toEqual([
          ...outputs.map(([channel, bytes]) => ({ channel, bytes })),
          { channel: 'end', end: { exitCode } },
        ]);
      }),
    );
  });

  test('is refused if it is none', () => {
    expect(() => execFrameReader()(new TextEncoder().encode('hello'))).toThrow('no stream of frames');
  });
});
