import { Readable } from 'node:stream';
import { describe, expect, test } from '@jest/globals';
import { type ExecEnd, execFrameReader } from '../../core/node/exec-frames.ts';
import { eventually } from '../../test/support/eventually.ts';
import { hostStreams } from './host-streams.ts';

/** Runs what `systemd-run --scope ... --` would, in no scope; systemctl does nothing. */
const WITHOUT_SYSTEMD = '[ "$1" = systemd-run ] || exit 0; until [ "$1" = -- ]; do shift; done; shift; exec "$@"';
const streams = hostStreams({ owner: 'c/h', assigned: () => true, prefix: ['sh', '-c', WITHOUT_SYSTEMD, 'sh'] });
const never = new AbortController().signal;

function exec(script: string, { timeoutSeconds = 3600, signal = never } = {}) {
  return streams.exec({ kind: 'exec', unit: 'a.service', command: ['sh', '-c', script], timeoutSeconds }, signal);
}

/** The number that the script prints first, and what goes on after it. */
async function begun(script: string, signal = never): Promise<{ pid: number; body: Readable }> {
  const body = Readable.from(await exec(script, { signal }), { objectMode: false });
  const read = execFrameReader();
  const pid = await new Promise<number>((resolve) => {
    body.on('data', (chunk: Uint8Array) => {
      for (const frame of read(chunk)) if (frame.channel === 'stdout') resolve(Number(Buffer.from(frame.bytes).toString()));
    });
  });
  return { pid, body };
}

function gone(pid: number): Promise<unknown> {
  return eventually(`process ${pid} has ended`, () => expect(() => process.kill(pid, 0)).toThrow('ESRCH'));
}

describe('a command on a host', () => {
  test('that says nothing ends when its reader has gone away', async () => {
    const { pid, body } = await begun('echo $$; exec sleep 600');
    body.destroy();
    await gone(pid);
  });

  test('that leaves a process behind ends with it when its reader has gone away, or is cut off', async () => {
    for (const leave of [(body: Readable) => void body.destroy(), (_: Readable, cut: AbortController) => cut.abort()]) {
      const cut = new AbortController();
      const { pid, body } = await begun('sleep 600 & echo $!', cut.signal);
      leave(body, cut);
      await gone(pid);
    }
  });

  test('that leaves a process behind is ended with it when its time is over', async () => {
    const read = execFrameReader();
    const ends: ExecEnd[] = [];
    for await (const chunk of await exec('sleep 600 & echo $!', { timeoutSeconds: 1 }))
      for (const frame of read(chunk)) if (frame.channel === 'end') ends.push(frame.end);
    expect(ends).toEqual([{ exitCode: 124, error: 'it was ended after 1 s' }]);
  });
});
