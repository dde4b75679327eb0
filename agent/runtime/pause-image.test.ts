import { expect, test } from '@jest/globals';
import { pauseArchive, pauseProgram } from './pause-image.ts';

test.each([
  ['x64', 62],
  ['arm64', 183],
])(
  'the pause program for %s is an ELF executable for that machine, whose entry lies in its one segment',
  (architecture, machine) => {
    const file = pauseProgram(architecture);
    expect(file.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect(file.readUInt16LE(18)).toBe(machine);
    const entry = Number(file.readBigUInt64LE(24));
    const address = Number(file.readBigUInt64LE(64 + 16));
    expect(entry - address).toBe(120);
    expect(Number(file.readBigUInt64LE(64 + 32))).toBe(file.length);
    expect(pauseArchive(architecture).subarray(0, 5).toString()).toBe('pause');
  },
);

test('an architecture without one is named', () => {
  expect(() => pauseProgram('mips')).toThrow('no pause program for mips');
});
