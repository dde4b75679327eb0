import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from '../../support/eventually.ts';
import { canRunSystemdHosts, startSystemdLab, type SystemdLab } from '../../support/systemd-host/lab.ts';
import type { SystemdHost } from '../../support/systemd-host/host.ts';

const suite = canRunSystemdHosts() ? describe : describe.skip;

suite('hosts for tests', () => {
  let lab: SystemdLab;
  let one: SystemdHost;
  let two: SystemdHost;
  let server: Server;

  beforeAll(async () => {
    lab = await startSystemdLab();
    [one, two] = await Promise.all([lab.start('one'), lab.start('two')]);
    server = createServer((_, response) => response.end('from this machine\n')).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    await lab.expose((server.address() as AddressInfo).port);
  });
  afterAll(async () => {
    server?.close();
    await lab?.stop();
  });

  test('run systemd as their first process, with an engine and an identity of their own', async () => {
    for (const host of [one, two]) {
      expect(await host.sh('cat /proc/1/comm; systemctl is-system-running')).toBe('systemd\nrunning\n');
      expect(await host.sh('docker info -f "{{.Name}}"')).toBe(`${host.name}\n`);
    }
    const identity = 'cat /etc/machine-id /proc/sys/kernel/random/boot_id';
    expect(await one.sh(identity)).not.toBe(await two.sh(identity));
  });

  test('see each other and what is exposed to them, until they are cut off', async () => {
    const url = `http://${lab.gateway}:${(server.address() as AddressInfo).port}/`;
    const get = `curl -sS -m 2 ${url}`;
    expect(await one.sh(get)).toBe('from this machine\n');
    await one.sh('systemd-run --quiet busybox httpd -f -p 8080 -h /etc');
    const neighbour = `curl -sS -m 2 http://${one.address}:8080/hostname`;
    await eventually('the one is seen by the other', async () => expect(await two.sh(neighbour)).toBe('one\n'));
    lab.cutOff(one);
    expect((await one.run(get)).code).not.toBe(0);
    expect((await two.run(neighbour)).code).not.toBe(0);
    lab.reconnect(one);
    expect(await one.sh(get)).toBe('from this machine\n');
  });

  test('keep their files, their machine id and their address over a reboot, and get a new boot id and an empty /run', async () => {
    await one.sh('echo kept >/var/lib/kept; echo gone >/run/gone');
    const [machine, boot] = (await one.sh('cat /etc/machine-id /proc/sys/kernel/random/boot_id')).split('\n');
    await one.reboot();
    const [machineAfter, bootAfter, kept, ...gone] = (
      await one.sh('cat /etc/machine-id /proc/sys/kernel/random/boot_id /var/lib/kept; ls /run/gone 2>&1 || true')
    ).split('\n');
    expect([machineAfter, kept]).toEqual([machine, 'kept']);
    expect(bootAfter).not.toBe(boot);
    expect(gone.join(' ')).toContain('No such file');
    expect(await one.sh('ip -4 -o addr show dev eth0')).toContain(`${one.address}/`);
  });
});
