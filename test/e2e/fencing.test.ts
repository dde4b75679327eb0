import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { canRunSystemdHosts } from '../support/systemd-host/lab.ts';
import type { SystemdHost } from '../support/systemd-host/host.ts';
import { type Fleet, fleetOf } from './support/fleet.ts';
import { type HostsInstallation, startHosts } from './support/hosts.ts';

/** What is fenced ends with the host's lease also when nobody of the agent's is there who would end it (decision 28). */

// A limit on hanging, longer than all that is waited for within.
jest.setTimeout(300_000);

const NAMES = ['blue', 'red'];
const STAMPS = '/var/tmp/stamps';
/** Hears no TERM, leaves its session, is started again when it ends, and writes down when it runs. */
const CLOCK = `[Service]
ExecStart=/bin/sh -c 'trap "" TERM; setsid sleep 4731 & while true; do date +%%s%%N >> ${STAMPS}; sleep 0.05; done'
Restart=always
RestartSec=0
TimeoutStopSec=300
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
});
