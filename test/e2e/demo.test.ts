import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { canRunDockerd, startDockerd } from '../support/dockerd.ts';
import { eventually } from '../support/eventually.ts';
import { BUSYBOX, importBusybox } from '../support/images.ts';

/** `npm run demo` on a machine without an engine and without any network: it works, and however it ends nothing of it is left. */

const ROOT = join(import.meta.dirname, '../..');

(canRunDockerd() ? describe : describe.skip)('the demo', () => {
  const tmp = mkdtempSync('/tmp/trn-demo-');
  const netns = tmp.split('/').at(-1)!;
  let before: string[];

  beforeAll(() => {
    execFileSync('ip', ['netns', 'add', netns]);
    execFileSync('ip', ['-n', netns, 'link', 'set', 'lo', 'up']);
    before = traces();
  });
  afterAll(() => {
    execFileSync('ip', ['netns', 'delete', netns]);
    rmSync(tmp, { recursive: true, force: true });
  });

  /** Devices, routes, rules and files; and the processes whose command line names them. */
  function traces(): string[] {
    const network = execFileSync(
      'nsenter',
      [`--net=/run/netns/${netns}`, 'sh', '-c', 'ip -o link; ip route; nft list ruleset; sysctl net.ipv4.ip_forward'],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
    );
    const files = readdirSync(tmp).filter((name) => /^(terrane-|tmp\.)/.test(name));
    const processes = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(tmp));
    const uncounted = network.replaceAll(/ counter packets \d+ bytes \d+/g, '');
    return [...uncounted.split('\n'), ...files, ...processes.map((pid) => `${pid} ${commandOf(pid)}`)];
  }

  function start(...options: readonly string[]): { readonly demo: ChildProcess; readonly said: () => string } {
    const demo = spawn('nsenter', [`--net=/run/netns/${netns}`, process.execPath, '--import', 'tsx', 'bin/demo.ts', ...options], {
      cwd: ROOT,
      env: { ...process.env, TMPDIR: tmp, DOCKER_HOST: `unix://${tmp}/none.sock`, NO_COLOR: '1' },
    });
    let text = '';
    for (const stream of [demo.stdout!, demo.stderr!])
      stream.setEncoding('utf8').on('data', (part: string) => void (text += part));
    return { demo, said: () => text };
  }

  test('tells its story to the end, and takes everything down', async () => {
    const { demo, said } = start('--once');
    const [code] = (await once(demo, 'close')) as [number | null];
    expect({ code, said: said() }).toMatchObject({ code: 0, said: expect.stringContaining('It works:') });
    expect(traces()).toEqual(before);
  }, 240_000);

  test('left running (--keep) it runs, and is taken down later by what it says', async () => {
    const { demo, said } = start('--keep');
    await once(demo, 'close');
    const dir = /Stop it with: npm run demo -- --stop (\S+)/.exec(said())?.[1] ?? 'none';
    const left = traces().join('\n');
    const stopped = await once(start('--stop', dir).demo, 'close');
    expect(said()).toContain('It works:');
    expect(left).toMatch(/docker0[^]*dockerd/);
    expect(stopped).toEqual([0, null]);
    expect(traces()).toEqual(before);
    const again = start('--stop', dir);
    expect(await once(again.demo, 'close')).toEqual([1, null]);
    expect(again.said()).toContain(`no demo was left running in ${dir}`);
  }, 240_000);

  test.each([
    ['SIGINT', 'The node is ready', /dockerd/],
    ['SIGKILL', 'Each replica answers', /terrane_services[^]*dockerd/],
  ] as const)(
    'ended by %s amid its story (%s) it leaves nothing either',
    async (signal, step, made) => {
      const { demo, said } = start('--once');
      const ended = once(demo, 'exit');
      await eventually(`it says "${step}"`, () => expect(said()).toContain(step), { timeoutMs: 180_000 });
      expect(traces().join('\n')).toMatch(made);
      demo.kill(signal);
      await ended;
      await eventually('it is all gone', () => expect(traces()).toEqual(before), { timeoutMs: 90_000 });
    },
    300_000,
  );

  test('beside an engine that runs but does not answer where it is looked for, it leaves that one all that it has', async () => {
    const theirs = await startDockerd({ netns });
    try {
      await importBusybox(theirs.socket);
      const docker = (...args: string[]) => execFileSync('docker', ['-H', `unix://${theirs.socket}`, ...args]);
      docker('run', '-d', '-p', '127.0.0.1:18080:80', BUSYBOX, '/bin/sleep', '600');
      const withTheirs = traces();
      const { demo, said } = start('--once');
      const ended = once(demo, 'exit');
      await eventually('the node is ready', () => expect(said()).toContain('The node is ready'), { timeoutMs: 180_000 });
      demo.kill('SIGTERM');
      await ended;
      await eventually('only theirs is left', () => expect(traces()).toEqual(withTheirs), { timeoutMs: 90_000 });
    } finally {
      await theirs.stop();
    }
  }, 300_000);
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}
