import { spawnSync } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type TestControlPlane, testControlPlane } from './control-plane.ts';
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
  restart) sh -c "$(sed -n 's/^ExecStart=//p' $unit)" >/dev/null; touch /run/active ;;
  is-active) [ -e /run/active ] ;;
  is-failed) exit 1 ;;
esac
`;

async function onHost(script: string): Promise<{ output: string; calls: string[] }> {
  const { directory } = plane;
  await mkdir(join(directory, 'fake'), { recursive: true });
  await writeFile(join(directory, 'fake/systemctl'), SYSTEMCTL);
  await chmod(join(directory, 'fake/systemctl'), 0o755);
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
