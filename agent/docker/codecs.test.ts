import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { demultiplexer } from './demux.ts';
import { splitTag } from './engine.ts';
import { tar } from './tar.ts';

describe('the output of containers', () => {
  const frame = (stream: number, text: string) => {
    const header = Buffer.alloc(8);
    header[0] = stream;
    header.writeUInt32BE(Buffer.byteLength(text), 4);
    return Buffer.concat([header, Buffer.from(text)]);
  };

  test('is told apart by stream', () => {
    const seen: string[] = [];
    demultiplexer((stream, bytes) => seen.push(`${stream}: ${bytes.toString()}`))(
      Buffer.concat([frame(1, 'out'), frame(2, 'err'), frame(1, '')]),
    );
    expect(seen).toEqual(['stdout: out', 'stderr: err']);
  });

  test('comes out whole wherever the connection cuts it', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(1, 2), fc.string())), fc.array(fc.nat(9)), (frames, cuts) => {
        const whole = Buffer.concat(frames.map(([stream, text]) => frame(stream, text)));
        const out = { stdout: '', stderr: '' };
        const parts: Record<keyof typeof out, Buffer[]> = { stdout: [], stderr: [] };
        const feed = demultiplexer((stream, bytes) => parts[stream].push(Buffer.from(bytes)));
        let at = 0;
        for (const length of cuts) feed(whole.subarray(at, (at += length)));
        feed(whole.subarray(at));
        for (const name of ['stdout', 'stderr'] as const) out[name] = Buffer.concat(parts[name]).toString();
        const expected = (wanted: number) => frames.flatMap(([stream, text]) => (stream === wanted ? [text] : [])).join('');
        expect(out).toEqual({ stdout: Buffer.from(expected(1)).toString(), stderr: Buffer.from(expected(2)).toString() });
      }),
    );
  });
});

describe('an archive', () => {
  test('is read by tar: directories, files with modes, links', () => {
    const archive = tar([
      { path: 'bin', directory: true },
      { path: 'bin/run', content: '#!/bin/sh\n', mode: 0o755 },
      { path: 'bin/link', linkTo: 'run' },
      { path: 'large', content: Buffer.alloc(1000, 'x') },
    ]);
    const listed = execFileSync('tar', ['-tvf', '-', '--utc'], { input: archive, encoding: 'utf8' });
    const columns = listed
      .trim()
      .split('\n')
      .map((line) => line.split(/\s+/));
    expect(
      columns.map(([mode, owner, size, , , name, arrow, target]) => [mode, owner, size, name, arrow, target].join(' ').trim()),
    ).toEqual([
      'drwxr-xr-x 0/0 0 bin',
      '-rwxr-xr-x 0/0 10 bin/run',
      'lrwxrwxrwx 0/0 0 bin/link -> run',
      '-rw-r--r-- 0/0 1000 large',
    ]);
    expect(execFileSync('tar', ['-xOf', '-', 'large'], { input: archive, encoding: 'utf8' })).toBe('x'.repeat(1000));
  });
});

test.each([
  ['app', ['app', 'latest']],
  ['app:1', ['app', '1']],
  ['registry:5000/team/app', ['registry:5000/team/app', 'latest']],
  ['registry:5000/team/app:1.2', ['registry:5000/team/app', '1.2']],
  ['app@sha256:abc', ['app', 'sha256:abc']],
])('image %s is pulled as %j', (image, parts) => {
  expect(splitTag(image)).toEqual(parts);
});
