import { describe, expect, jest, test } from '@jest/globals';
import { BUSYBOX } from '../../support/images.ts';
import { podOf } from './fake-control-plane.ts';
import { useHarness } from './harness.ts';

jest.setTimeout(120_000);
const host = useHarness();
const namespace = 'default';

const pod = (script: string, name = 'app') =>
  podOf(name, { containers: [{ name: 'main', image: BUSYBOX, command: ['sh', '-c', script] }] });
const connected = () => host.plane.until('push connection', () => host.plane.connected > 0);

describe('logs', () => {
  test('are what the container wrote, both streams; the last lines, with times, so many bytes', async () => {
    host.plane.assign({ pods: [pod('echo one; sleep 0.1; echo two >&2; sleep 0.1; echo three; touch /done; sleep 1000')] });
    await host.ready('app');
    await connected();
    await host.plane.until('written', () => true);
    let body = '';
    while (!body.includes('three')) body = (await host.plane.logs({ namespace, pod: 'app' })).body;
    expect(body).toBe('one\ntwo\nthree\n');
    expect((await host.plane.logs({ namespace, pod: 'app', tailLines: 1 })).body).toBe('three\n');
    expect((await host.plane.logs({ namespace, pod: 'app', limitBytes: 5 })).body).toBe('one\nt');
    expect((await host.plane.logs({ namespace, pod: 'app', timestamps: true })).body).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z one\n/);
    expect((await host.plane.logs({ namespace, pod: 'app', sinceSeconds: 3600 })).body).toBe('one\ntwo\nthree\n');
    const later = new Date(Date.now() + 60_000).toISOString();
    expect((await host.plane.logs({ namespace, pod: 'app', sinceTime: later })).body).toBe('');
  });

  test('are followed line by line until the reader goes away', async () => {
    host.plane.assign({ pods: [pod('i=0; while true; do i=$((i+1)); echo line $i; sleep 0.2; done')] });
    await host.ready('app');
    await connected();
    let text = '';
    let seen: () => void = () => undefined;
    const third = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const stream = host.plane.follow({ namespace, pod: 'app', follow: true }, (part) => {
      text += part;
      if (text.includes('line 3\n')) seen();
    });
    await third;
    expect(text).toMatch(/^line 1\nline 2\nline 3\n/);
    stream.cancel();
    await stream.done;
  });

  test('that are followed end with the container', async () => {
    host.plane.assign({ pods: [pod('echo start; sleep 2; echo end')] });
    await host.plane.until('running', () => host.container('app')?.state.running);
    await connected();
    let text = '';
    await host.plane.follow({ namespace, pod: 'app', follow: true }, (part) => {
      text += part;
    }).done;
    expect(text).toBe('start\nend\n');
  });

  test('of the container before, and errors that say what is wrong', async () => {
    host.plane.assign({ pods: [pod('echo attempt; [ -e /tmp/x ] || exit 1', 'crash'), pod('sleep 1000', 'calm')] });
    await host.plane.until('crashed', () => host.container('crash')?.state.waiting?.reason === 'CrashLoopBackOff');
    await host.ready('calm');
    await connected();
    expect(await host.plane.logs({ namespace, pod: 'crash', previous: true })).toEqual({ status: 200, body: 'attempt\n' });
    expect(await host.plane.logs({ namespace, pod: 'calm', previous: true })).toEqual({
      status: 400,
      body: 'previous terminated container "main" in pod "calm" not found',
    });
    expect(await host.plane.logs({ namespace, pod: 'calm', container: 'nope' })).toEqual({
      status: 400,
      body: 'container nope is not valid for pod calm',
    });
    expect((await host.plane.logs({ namespace, pod: 'nope' })).status).toBe(404);
  });
});
