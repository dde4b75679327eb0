import { expect, test } from '@jest/globals';
import { refusedLines } from './batch.ts';

test('each line that a tool refused is told with what it said to it', () => {
  const lines = ['route add 1.2.3.0/24 dev nope', 'route replace 10.0.0.0/8 dev eth0', 'route del 5.5.5.0/24'];
  const said = 'Cannot find device "nope"\nCommand failed -:1\nRTNETLINK answers: No such process\nCommand failed -:3\n';
  expect(refusedLines(lines, said)).toEqual([
    { line: lines[0], reason: 'Cannot find device "nope"' },
    { line: lines[2], reason: 'RTNETLINK answers: No such process' },
  ]);
});

test('a tool that failed without naming a line is not taken for one that worked', () => {
  expect(refusedLines(['link set a up'], 'ip was ended by SIGTERM\n')).toEqual([
    { line: 'link set a up', reason: 'ip was ended by SIGTERM' },
  ]);
});
