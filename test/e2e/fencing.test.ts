import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { canRunSystemdHosts } from '../support/systemd-host/lab.ts';
import type { SystemdHost } from '../support/systemd-host/host.ts';
import { type Fleet, fleetOf } from './support/fleet.ts';
import { GIVEN_UP_SECONDS, type HostsInstallation, startHosts } from './support/hosts.ts';

/** What is fenced ends with the host's lease also when nobody of the agent's is there who would end it (decision 28). */

// A limit on hanging, longer than all that is waited for within.
jest.setTimeout(300_000);

const NAMES = ['blue', 'red'];
const SLEEP = '[Service]\nExecStart=/bin/sleep infinity\n';
const STAMPS = '/var/tmp/stamps';
/** Hears no TERM, leaves its session, is started again when it ends, and writes down when it runs. */
const CLOCK = `[Service]
ExecStart=/bin/sh -c 'trap "" TERM; setsid sleep 4731 & while true; do date +%%s%%N >> ${STAMPS}; sleep 0.05; done'
Restart=always
RestartSec=0
TimeoutStopSec=300
`;

const IMAGE =
  'cd $(mktemp -d) && mkdir bin && cp /usr/bin/busybox bin/busybox && ln -s busybox bin/sleep && ln -s busybox bin/sh && tar c . | docker import - terrane.test/busybox:1';
/** Hears no TERM, as its first process has no handler for it. */
const BOX = `apiVersion: apps/v1
kind: Deployment
metadata: { name: box, namespace: default }
spec:
  selector: { matchLabels: { app: box } }
  strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }
  template:
    metadata: { labels: { app: box }, annotations: { terrane.dev/fenced: "true" } }
    spec:
      nodeSelector: { kubernetes.io/hostname: red }
      containers:
        - name: box
          image: terrane.test/busybox:1
          imagePullPolicy: Never
          command: ["/bin/sleep", "4732"]
`;

(canRunSystemdHosts() ? describe : describe.skip)('fenced work without its agent', () => {
  let all: HostsInstallation;
  let fleet: Fleet;
  beforeAll(async () => {
    all = await startHosts(...NAMES);
    fleet = await fleetOf(all);
    await all.giveUpAfter(30);
  });
  afterAll(() => all?.stop());

  const stamps = async (host: SystemdHost) => (await host.sh(`cat ${STAMPS}`)).trim().split('\n').map(Number);

  test('a unit whose agent is frozen has ended before it starts elsewhere, and its host goes on when the agent does', async () => {
    await fleet.put('clock.service', 'launched', CLOCK);
    const [first] = await fleet.active('clock.service');
    const host = all.host(first!);
    const pid = await host.show('terrane-agent.service', 'MainPID');
    await host.sh(`kill -STOP ${pid}`);
    const second = await eventually(
      'it has moved',
      async () => {
        const [now] = await fleet.active('clock.service');
        if (now === first) throw new Error(`it is still on ${first}`);
        return now!;
      },
      { timeoutMs: 90_000 },
    );
    const [before, after] = [await stamps(host), await stamps(all.host(second))];
    expect(before.length).toBeGreaterThan(10);
    expect((await host.run('pgrep -f "^sleep 4731"')).stdout).toBe('');
    const gap = Math.min(...after) - Math.max(...before);
    if (gap <= 0) throw new Error(`both ran it for ${-gap / 1e9} s`);
    console.log(
      `fencing: ${(gap / 1e9).toFixed(1)} s between the last process on a host with a frozen agent and the first elsewhere`,
    );
    await host.sh(`kill -CONT ${pid}`);
    await all.ready(...NAMES);
    expect(await fleet.active('clock.service')).toEqual([second]);
    await fleet.destroy('clock.service');
  });

  test('a pod whose engine hangs has ended with the lease, as a unit has; both start again; and the guard is there when the agent is stopped, until that is uninstalled', async () => {
    const red = all.host('red');
    await all.giveUpAfter(GIVEN_UP_SECONDS);
    await red.sh(IMAGE);
    expect(await all.terrane(['apply', '-f', '-'], { stdin: BOX })).toMatchObject({ code: 0 });
    await fleet.put('beside.service', 'launched', `${SLEEP}[X-Fleet]\nMachineID=${(await fleet.machines()).get('red')!}\n`);
    const box = async () => (await inside(red, 'pgrep -f "^/bin/sleep 4732"')).trim();
    const runs = async () => {
      await eventually('the unit runs', () => fleet.active('beside.service'), { timeoutMs: 90_000 });
      const check = async () => {
        const pid = await box();
        expect(pid).toMatch(/^\d+$/);
        return pid;
      };
      return eventually('the container runs', check, { timeoutMs: 90_000 });
    };
    const first = await runs();
    const engine = await red.show('docker.service', 'MainPID');
    await inside(red, `kill -STOP ${engine}`);
    all.lab.cutOff(red);
    try {
      await eventually('the unit has ended', async () =>
        expect(await red.show('beside.service', 'ActiveState')).toBe('inactive'),
      );
      await eventually('the container has ended', async () => expect(await box()).toBe(''));
    } finally {
      await inside(red, `kill -CONT ${engine}`);
      all.lab.reconnect(red);
    }
    expect(await runs()).not.toBe(first);

    const [guard] = (await red.sh('systemctl list-units --plain --no-legend "terrane-fence-*"')).split(' ');
    const pid = await red.show(guard!, 'MainPID');
    await red.sh('systemctl stop terrane-agent.service');
    expect([await red.show(guard!, 'ActiveState'), await red.show(guard!, 'MainPID')]).toEqual(['active', pid]);
    // Nobody renews the lease any more: what is fenced is not kept.
    await red.sh('/opt/terrane/uninstall.sh');
    expect(await red.show('beside.service', 'ActiveState')).toMatch(/^(inactive|failed)$/);
    expect(await box()).toBe('');
    expect(await red.show(guard!, 'LoadState')).toBe('not-found');
    expect((await red.run('ls /run/terrane | grep fence')).stdout).toBe('');
  });
});

/** By the host's own processes, without its engine. */
async function inside(host: SystemdHost, script: string): Promise<string> {
  const [command = '', ...args] = host.systemctl().slice(0, -1);
  return promisify(execFile)(command, [...args, 'sh', '-c', script]).then(
    ({ stdout }) => stdout,
    () => '',
  );
}
