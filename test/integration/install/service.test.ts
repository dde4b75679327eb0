import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { REFUSED_TOKEN, type TestControlPlane, testControlPlane } from './control-plane.ts';
import { JOIN_TOKEN, run } from './run-script.ts';

/**
 * The install as root with a service, in a mount namespace whose /opt, /usr/local/bin, /etc, /run and /var/lib are the test's own,
 * and with a `systemctl` that writes down what it is asked and starts what the unit says.
 */
let plane: TestControlPlane;
beforeEach(async () => {
  plane = await testControlPlane();
  await plane.publish('1.0.0');
});
afterEach(() => plane.stop());

const possible = process.getuid?.() === 0 && spawnSync('unshare', ['-m', 'true']).status === 0;
if (!possible) console.warn('skipped: a test host needs root and mount namespaces');

const SYSTEMCTL = `#!/bin/sh
echo "$*" >>"$CALLS"
unit=/etc/systemd/system/terrane-agent.service
case $1 in
  restart)
    rm -f /run/active /run/failed
    if sh -c "$(sed -n 's/^ExecStart=//p' $unit)" >/dev/null 2>/run/said; then touch /run/active; else touch /run/failed; fi ;;
  is-active) [ -e /run/active ] ;;
  is-failed) [ -e /run/failed ] ;;
esac
`;

async function onHost(script: string): Promise<{ output: string; calls: string[] }> {
  const { directory } = plane;
  await mkdir(join(directory, 'fake'), { recursive: true });
  await writeFile(join(directory, 'fake/systemctl'), SYSTEMCTL);
  await writeFile(join(directory, 'fake/journalctl'), '#!/bin/sh\ncat /run/said\n');
  for (const name of ['systemctl', 'journalctl']) await chmod(join(directory, 'fake', name), 0o755);
  await writeFile(join(directory, 'calls'), '');
  const host = join(directory, 'host.sh');
  await writeFile(
    host,
    `set -eu
     cp -a /etc ${directory}/etc
     mount --bind ${directory}/etc /etc
     for dir in /opt /usr/local/bin /run /var/lib; do mount -t tmpfs none $dir; done
     mkdir -p /etc/systemd/system /run/systemd/system
     PATH=${directory}/fake:$PATH
     install() { curl -fsS ${plane.url}/install.sh >${directory}/install.sh; sh ${directory}/install.sh "$@" 2>&1; }
     calls() { echo "-- $1" >>"$CALLS"; }
     ${script}`,
  );
  const env = { TERRANE_TOKEN: JOIN_TOKEN, CALLS: join(directory, 'calls') };
  const { code, stdout, stderr } = await run('unshare', ['-m', 'sh', host], env);
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}${stderr}`);
  return { output: stdout, calls: (await readFile(env.CALLS, 'utf8')).trim().split('\n') };
}

(possible ? test : test.skip)(
  'a service: written, started, left alone when nothing changed, restarted for a new version, gone',
  async () => {
    const { output, calls } = await onHost(`
    calls first;  install --name edge-1
    cat /etc/systemd/system/terrane-agent.service
    readlink /usr/local/bin/terrane-agent
    calls again;  install --name edge-1
    calls newer;  ln -sfn /opt/terrane/versions/older /opt/terrane/current; install --name edge-1
    calls gone;   /opt/terrane/uninstall.sh 2>&1
    find /opt /usr/local/bin /etc/systemd/system -name '*terrane*'
    ls /var/lib/terrane/agent
  `);
    expect(output).toContain('joined as node test-node');
    expect(output).toContain(
      `ExecStart=/opt/terrane/current/bin/terrane-agent --server ${plane.url} --data /var/lib/terrane/agent --docker /var/run/docker.sock --name edge-1`,
    );
    expect(output).not.toContain(JOIN_TOKEN);
    expect(output).not.toMatch(/@[A-Z]+@/);
    expect(output).toContain('\n/opt/terrane/current/bin/terrane-agent\n');
    expect(output).toMatch(/keeps their data and this host's key\n.*\nidentity\.json\n/);
    expect(calls).toEqual([
      '-- first',
      'daemon-reload',
      'enable --quiet terrane-agent.service',
      'restart terrane-agent.service',
      '-- again',
      'enable --quiet terrane-agent.service',
      'is-active --quiet terrane-agent.service',
      '-- newer',
      'enable --quiet terrane-agent.service',
      'restart terrane-agent.service',
      '-- gone',
      'disable --now terrane-agent.service',
      'daemon-reload',
      expect.stringMatching(/^stop -- terrane-exec-[0-9a-f]{8}-\*\.scope$/),
    ]);
  },
);

(possible ? test : test.skip)('--no-start leaves the service ready but off; without systemd the command is printed', async () => {
  const { output, calls } = await onHost(`
    install --no-start
    rm -r /run/systemd /opt/* /etc/systemd/system/*
    install
  `);
  expect(output).toContain('Start it with: systemctl enable --now terrane-agent');
  expect(calls).toEqual(['daemon-reload']);
  expect(output).toMatch(
    /no service was set up \(no systemd here\)\. Run the agent with:\n\/opt\/terrane\/current\/bin\/terrane-agent /,
  );
});

(possible ? test : test.skip)(
  'a token that is refused is said at once, with what to do, and a new one makes it good',
  async () => {
    const { output, calls } = await onHost(`
    TERRANE_TOKEN=${REFUSED_TOKEN} install || echo "exit $?"
    calls better; install
  `);
    expect(output).toMatch(
      /the agent has not joined:\nerror: .*The token has expired\.\n {2}Make a new one\.\n.*make a new join command with 'terrane token create --kind join'.*\nexit 78\n/,
    );
    expect(output).toContain('joined as node test-node');
    // The unit file is what tells systemd that this exit is for good.
    expect(await readFile(join(plane.directory, 'etc/systemd/system/terrane-agent.service'), 'utf8')).toContain(
      '\nRestartPreventExitStatus=78\n',
    );
    expect(calls.slice(calls.indexOf('-- better'))).toContain('restart terrane-agent.service');
  },
);

(possible ? test : test.skip)('a run that was cut off before the service started is made good by the next', async () => {
  const { output, calls } = await onHost(`
    install --no-start
    mkdir /opt/terrane/versions/.new.4194305
    calls again; install
    ls -A /opt/terrane/versions /opt/terrane/etc
    calls third; install
  `);
  expect(output).not.toMatch(/\.new|unstarted/);
  expect(calls.slice(calls.indexOf('-- again'), calls.indexOf('-- third'))).toEqual([
    '-- again',
    'daemon-reload',
    'enable --quiet terrane-agent.service',
    'restart terrane-agent.service',
  ]);
  expect(calls.slice(calls.indexOf('-- third'))).not.toContain('restart terrane-agent.service');
});

(possible ? test : test.skip)(
  'the proxies of whoever installs are kept for the service, where only root reads them',
  async () => {
    const { output } = await onHost(`
    export https_proxy=http://me:secret@proxy.test:3128 NO_PROXY='localhost, 127.0.0.1' HTTPX=no
    install --no-start
    cat /opt/terrane/etc/proxy.env; stat -c %a /opt/terrane/etc/proxy.env
    unset https_proxy NO_PROXY; install --no-start; wc -l </opt/terrane/etc/proxy.env
    HTTP_PROXY='http://a b' install --no-start || echo "exit $?"
  `);
    expect(output.split('\n').toSorted()).toEqual(
      expect.arrayContaining([
        '600',
        'NO_PROXY=localhost,127.0.0.1',
        'https_proxy=http://me:secret@proxy.test:3128',
        '2',
        'exit 2',
      ]),
    );
    expect(output).not.toContain('HTTPX');
    expect(await readFile(join(plane.directory, 'etc/systemd/system/terrane-agent.service'), 'utf8')).toContain(
      '\nEnvironmentFile=-/opt/terrane/etc/proxy.env\n',
    );
  },
);

(possible ? test : test.skip)('where there is no room, or programs may not be run, it says so and leaves nothing', async () => {
  const { output } = await onHost(`
    umount /opt; mount -t tmpfs -o size=1M none /opt
    install || echo "exit $?"; ls -A /opt
    umount /opt; mount -t tmpfs -o noexec none /opt
    install || echo "exit $?"; ls -A /opt
  `);
  expect(output).toMatch(
    /^terrane: warning.*\n(?:terrane: warning.*\n)*terrane: \d MB are free for \/opt\/terrane, and the agent takes 250: .*\nexit 1\n/,
  );
  expect(output).toMatch(/programs may not be run in \/opt\/terrane: .*noexec.*\nexit 1\n$/);
});

(possible ? test : test.skip)('where /usr/local is read-only the link goes to /opt/bin', async () => {
  const { output } = await onHost(`
    mount -o remount,ro /usr/local/bin
    install --no-start
    readlink /opt/bin/terrane-agent
  `);
  expect(output.trim().split('\n').at(-1)).toBe('/opt/terrane/current/bin/terrane-agent');
});

(possible ? test : test.skip)('without root it says how to become root, and does nothing', async () => {
  const { output } = await onHost(`
    setpriv --reuid 65534 --regid 65534 --clear-groups sh -c 'curl -fsS ${plane.url}/install.sh | sh 2>&1' || echo "exit $?"
    ls -A /opt
  `);
  expect(output).toMatch(/this needs root: .*--prefix DIR\nexit 1\n$/);
});
