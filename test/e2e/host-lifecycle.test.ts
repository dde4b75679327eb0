import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { build } from 'esbuild';
import { gzipSync } from 'node:zlib';
import { tarEnd, tarMembers } from '../../bin/build/tar.ts';
import type { Node } from '../../core/resources/schema/node.ts';
import type { Pod } from '../../core/resources/schema/pod.ts';
import { type ConnectProxy, connectProxy } from '../support/connect-proxy.ts';
import { eventually } from '../support/eventually.ts';
import type { SystemdHost } from '../support/systemd-host/host.ts';
import { canRunSystemdHosts } from '../support/systemd-host/lab.ts';
import { type HostsInstallation, startHosts } from './support/hosts.ts';

/** A host's life, as its owner sees it: installed by one line, rebooted, upgraded, uninstalled. */

// A limit on hanging, longer than all that is waited for within.
jest.setTimeout(300_000);

const pod = (name: string, more = '') => `apiVersion: v1
kind: Pod
metadata: { name: ${name} }
spec:
  terminationGracePeriodSeconds: 1
  ${more}
  containers:
    - name: main
      image: terrane.test/busybox:1
      imagePullPolicy: Never
      command: ["/bin/sh", "-c", "trap exit TERM; while :; do sleep 1; done"]
      resources: { limits: { memory: 64Mi, cpu: 500m, pids: 20 } }
`;
const unit = (name: string, fleet: string) => `apiVersion: terrane.dev/v1
kind: Unit
metadata: { name: ${name} }
spec:
  desiredState: launched
  contents: |
    [Service]
    ExecStart=/bin/sleep infinity
    MemoryMax=64M
    CPUQuota=50%
    [X-Fleet]
    ${fleet}
`;
/** Killing the client leaves the container running, and TERM doesn't end it. */
const STUBBORN = `/usr/bin/docker run --rm terrane.test/busybox:1 sh -c "trap '' TERM; while :; do sleep 1; done"
    TimeoutStopSec=2`;
const IMAGE =
  'cd $(mktemp -d) && mkdir bin && cp /usr/bin/busybox bin/busybox && ln -s busybox bin/sleep && ln -s busybox bin/sh && tar c . | docker import - terrane.test/busybox:1';
const ROOT = join(import.meta.dirname, '../..');

(canRunSystemdHosts() ? describe : describe.skip)('the life of a host', () => {
  let all: HostsInstallation;
  let host: SystemdHost;
  let before: string;
  let proxy: ConnectProxy | undefined;
  const show = (unit: string, property: string) => host.show(unit, property);
  const runs = () =>
    eventually('the unit and the container run', async () => {
      const state = await show('kept.service', 'ActiveState');
      if (state !== 'active') throw new Error(`${state}\n${await host.sh('journalctl -b -o cat -u terrane-agent -n 30')}`);
      expect(await host.sh('docker ps -q --filter label=terrane.dev/owner')).not.toBe('');
    });
  const apply = async (text: string) => {
    const { code, stderr } = await all.terrane(['apply', '-f', '-'], { stdin: text });
    expect({ code, stderr }).toMatchObject({ code: 0 });
  };

  beforeAll(async () => {
    all = await startHosts();
    host = await all.lab.start('one');
    // Installed before us, as a user's image would be.
    await host.sh(IMAGE);
    before = await everyFile(host);
  });
  afterAll(async () => {
    await all?.stop();
    await proxy?.stop();
  });

  test('the line that `terrane token create` prints makes it a node, and the agent a service that comes back at each boot', async () => {
    await host.sh(await all.joinLine());
    await all.ready('one');
    expect(await host.sh('systemctl is-enabled terrane-agent; systemctl is-active terrane-agent')).toBe('enabled\nactive\n');
    const [node] = await all.list<Node>('nodes');
    expect(node!.metadata.labels).toMatchObject({ 'terrane.dev/systemd': 'true' });
    expect((await host.sh('cat /etc/machine-id')).trim()).toBe(node!.status!.nodeInfo!.machineID);
  });

  test('what it runs WireGuard with goes on while the agent is killed or restarted, and the next agent goes on with it', async () => {
    const kernel = await host.run('ip link add probe type wireguard && ip link del probe');
    if (kernel.code === 0) return console.warn('skipped: the kernel here has WireGuard, and no program is run for it');
    await eventually('it runs', async () => expect(await show('terrane-wireguard', 'ActiveState')).toBe('active'));
    const same = () =>
      host.sh(
        'systemctl show -P MainPID -P InvocationID terrane-wireguard; pgrep -x wireguard-go; cat /sys/class/net/terrane-wg/ifindex',
      );
    const process = await same();
    const agent = () => show('terrane-agent', 'InvocationID');
    for (const script of ['systemctl kill --signal=KILL terrane-agent', 'systemctl restart terrane-agent']) {
      const ended = await agent();
      await host.sh(script);
      await eventually('another agent has it', async () => {
        const next = await agent();
        expect(['', ended]).not.toContain(next);
        expect(await host.sh(`journalctl -b -o cat _SYSTEMD_INVOCATION_ID=${next}`)).toContain(
          'WireGuard device found by=userspace',
        );
      });
      expect(await same()).toBe(process);
    }
    await all.ready('one');
  });

  test('run again, the line changes nothing', async () => {
    const started = await show('terrane-agent', 'InvocationID');
    await host.sh(await all.joinLine());
    expect(await show('terrane-agent', 'InvocationID')).toBe(started);
  });

  test('what is applied runs there, as units and as containers', async () => {
    await apply(pod('box'));
    await apply(unit('kept.service', 'Fenced=false'));
    await runs();
    await eventually('the control plane knows', async () => {
      const [pod] = await all.list<Pod>('pods');
      expect(pod!.status?.phase).toBe('Running');
      const [unit] = await all.list<{ status: { currentState: string } }>('units');
      expect(unit!.status.currentState).toBe('launched');
    });
  });

  test('after a reboot all of it that is not fenced is back, without the control plane', async () => {
    const process = await show('kept.service', 'InvocationID');
    await all.stopServer();
    await host.reboot();
    await runs();
    expect(await show('kept.service', 'InvocationID')).not.toBe(process);
    await all.startServer();
    await all.ready('one');
    await runs();
  });

  test('what a fenced unit has started by `docker run` ends with its lease, and before it may start on another host', async () => {
    await apply(unit('dock.service', '').replace(/\/bin\/sleep infinity[^]*?50%/, STUBBORN));
    const containers = async () => {
      const all_ = await host.sh(`docker ps --no-trunc --format '{{.ID}} {{.Label "terrane.dev/owner"}}'`);
      return all_
        .split('\n')
        .flatMap((line) => /^([0-9a-f]+) *$/.exec(line)?.[1] ?? [])
        .join(' ');
    };
    const isGuarded = (id: string) => host.run(`grep -qsxF "container ${id}" /run/terrane/fence-*`);
    const guarded = () =>
      eventually('the fence guard knows of its container', async () => {
        const id = await containers();
        expect(id).toMatch(/^[0-9a-f]{64}$/);
        expect(await isGuarded(id)).toMatchObject({ code: 0 });
      });
    await guarded();
    await host.sh('systemctl stop terrane-agent');
    await eventually('it has ended', async () => expect(await containers()).toBe(''));
    await host.sh('systemctl start terrane-agent');
    await all.ready('one');
    await guarded();
    expect(await all.terrane(['unit', 'destroy', 'dock'])).toMatchObject({ code: 0 });
    const names = async () => (await all.list<{ metadata: { name: string } }>('units')).map(({ metadata }) => metadata.name);
    // The engine gives it 10 s.
    await eventually('its host has let go of it', async () => expect(await names()).not.toContain('dock.service'), {
      timeoutMs: 60_000,
    });
    expect(await containers()).toBe('');
    // Others' containers are none of its business.
    await runs();
  });

  describe('an upgrade of the agent', () => {
    const versions = async () =>
      (await host.sh('basename $(readlink /opt/terrane/current); cat /opt/terrane/upgrade.result 2>/dev/null || true')).trim();
    const upgradeTo = async (version: string, agent: string, healthySeconds: number, unit = MARKED) => {
      const archive = await archiveWith(agent, version, unit);
      const sha256 = createHash('sha256').update(archive).digest('hex');
      await host.write('/var/tmp/agent.tar.gz', archive);
      await host.write('/var/tmp/upgrade.mjs', await upgradeProgram());
      await host.sh(`/opt/terrane/current/bin/node /var/tmp/upgrade.mjs ${version} ${sha256} ${healthySeconds}`);
    };
    const own = () => readFile(join(ROOT, 'dist/agent/agent.mjs'), 'utf8');
    /** Which version's unit file, guard and uninstall.sh are there. */
    const filesOf = async (version: string) => {
      expect(await show('terrane-agent', 'Environment')).toBe(`MARK=${version}`);
      const scripts = await host.sh('tail -qn 1 /opt/terrane/upgrade-guard.sh /opt/terrane/uninstall.sh');
      expect(scripts).toBe(`# ${version}\n`.repeat(2));
      expect(await show('terrane-agent', 'NeedDaemonReload')).toBe('no');
    };

    test('takes the place of the old one once the control plane has answered it, and what runs is not restarted', async () => {
      const unit = await show('kept.service', 'InvocationID');
      const wireguard = await show('terrane-wireguard', 'InvocationID');
      const container = await host.sh('docker ps -q --filter label=terrane.dev/owner');
      await upgradeTo('0.2.0', `${await own()}\n// 0.2.0\n`, 60);
      await eventually('it is done', async () =>
        expect(await versions()).toMatch(/^0\.2\.0-[0-9a-f]{12}\nversion=0\.2\.0\noutcome=healthy/),
      );
      await all.ready('one');
      expect(await show('kept.service', 'InvocationID')).toBe(unit);
      expect(await show('terrane-wireguard', 'InvocationID')).toBe(wireguard);
      expect(await host.sh('docker ps -q --filter label=terrane.dev/owner')).toBe(container);
      await eventually("the service's files have come, too", () => filesOf('0.2.0'));
    });

    test('whose unit file systemd can not load is none', async () => {
      const attempt = upgradeTo('0.2.1', await own(), 60, (text) => text.replace(/^ExecStart=.*$/m, ''));
      await expect(attempt).rejects.toThrow(/could not be switched to 0.2.1: systemd does not take its unit file/);
      await filesOf('0.2.0');
      expect(await show('terrane-agent', 'ActiveState')).toBe('active');
    });

    test('that ends at its start is undone', async () => {
      await upgradeTo('0.3.0', 'process.exit(1);\n', 60);
      await eventually('the version before is back', async () =>
        expect(await versions()).toMatch(/^0\.2\.0-[0-9a-f]{12}\nversion=0\.3\.0\noutcome=rolled-back\nreason=ended 3 times/),
      );
      await all.ready('one');
      await filesOf('0.2.0');
    });

    test('that hangs is undone when its time is over', async () => {
      await upgradeTo('0.4.0', 'setInterval(() => {}, 1000);\n', 3);
      await eventually('the version before is back', async () =>
        expect(await versions()).toMatch(/^0\.2\.0-[0-9a-f]{12}\nversion=0\.4\.0\noutcome=rolled-back\nreason=was not healthy/),
      );
      await all.ready('one');
      await filesOf('0.2.0');
      await runs();
    });

    test('that hangs is undone though a reboot took its timer along', async () => {
      await upgradeTo('0.5.0', 'setInterval(() => {}, 1000);\n', 15);
      await host.reboot();
      await eventually('the version before is back', async () =>
        expect(await versions()).toMatch(/^0\.2\.0-[0-9a-f]{12}\nversion=0\.5\.0\noutcome=rolled-back\nreason=was not healthy/),
      );
      await all.ready('one');
      await filesOf('0.2.0');
      await runs();
    });
  });

  test('uninstalled, it leaves the workloads running, and takes them up again when it is installed anew', async () => {
    const unit = await show('kept.service', 'InvocationID');
    const command = ['unit', 'exec', 'kept', '--', 'sh', '-c', 'setsid sleep 4713 >/dev/null 2>&1 </dev/null & sleep 600'];
    const commands = async () => (await host.run('pgrep -f "^sleep 4713"')).stdout;
    // Its agent has just been started: it may have no connection to be asked by.
    let exec = all.terrane(command);
    await eventually('a command runs beside it', async () => {
      if ((await commands()) !== '') return;
      const ended = await Promise.race([exec, delay(500)]);
      if (ended) exec = all.terrane(command);
      throw new Error(ended?.stderr ?? 'it has not begun');
    });
    await host.sh('/opt/terrane/uninstall.sh');
    await eventually('the command has ended', async () => expect(await commands()).toBe(''));
    expect((await exec).code).not.toBe(0);
    expect(await show('kept.service', 'InvocationID')).toBe(unit);
    await runs();
    expect(await host.sh('ls /opt/terrane /etc/systemd/system/terrane-agent.service 2>&1 || true')).not.toMatch(
      /versions|^\/etc/m,
    );
    await host.sh(await all.joinLine());
    await all.ready('one');
    expect(await show('kept.service', 'InvocationID')).toBe(unit);
  });

  test('a machine whose first boot finds a document of `terrane node config` joins, by a proxy if it has one, and keeps no token', async () => {
    const { stdout } = await all.terrane(['node', 'config', '--platform', 'vm', '--format', 'ignition', '--name', 'two']);
    const { storage, systemd } = JSON.parse(stdout) as {
      storage: { files: { path: string; contents: { source: string } }[] };
      systemd: { units: { name: string; contents: string }[] };
    };
    // Cgroups v2 only, as such machines come.
    const two = await all.lab.start('made', { unified: true });
    // As Ignition does it, before the machine boots.
    for (const { path, contents } of storage.files) await two.write(path, Buffer.from(contents.source.split(',')[1]!, 'base64'));
    for (const { name, contents } of systemd.units) {
      await two.write(`/etc/systemd/system/${name}`, contents);
      await two.sh(`ln -s ../${name} /etc/systemd/system/multi-user.target.wants/${name}`);
    }
    proxy = await connectProxy();
    await all.lab.expose(proxy.port);
    const environment = `Environment=HTTPS_PROXY=http://${all.lab.gateway}:${proxy.port}`;
    await two.sh('mkdir /etc/systemd/system/terrane-join.service.d');
    await two.write('/etc/systemd/system/terrane-join.service.d/proxy.conf', `[Service]\n${environment}\n`);
    await two.reboot();
    await all.ready('one', 'two');
    const to = (port: number | string) => two.sh(`ss -Htn state established dst ${all.lab.gateway}:${port}`);
    await eventually('the agent keeps a connection by the proxy', async () => expect(await to(proxy!.port)).not.toBe(''));
    expect(await to(new URL(all.https).port)).toBe('');
    await eventually('nothing of it is left', async () =>
      expect(
        (await two.run('ls /etc/terrane-join.sh /etc/systemd/system/terrane-join.service /var/lib/terrane/agent/join-token'))
          .stdout,
      ).toBe(''),
    );
    // Units and containers, with limits, under the one hierarchy. The kernel here keeps memory and cpu for v1: what systemd is told is what can be seen.
    await two.sh(IMAGE);
    await apply(pod('box-two', 'nodeName: two'));
    await apply(unit('kept-two.service', 'MachineID=two'));
    await eventually('both run', async () => {
      const state = await two.sh(
        'systemctl show -P ActiveState kept-two.service; docker ps -q --filter label=terrane.dev/owner | wc -l',
      );
      if (state !== 'active\n1\n') throw new Error(`${state}\n${await two.sh('journalctl -b -o cat -u terrane-agent -n 30')}`);
      const boxes = (await all.list<Pod>('pods')).filter(({ metadata }) => metadata.name === 'box-two');
      expect(boxes.map(({ status }) => status?.phase)).toEqual(['Running']);
    });
    const told = ['MemoryMax', 'CPUQuotaPerSecUSec', 'MemoryAccounting', 'ControlGroup'].map((name) =>
      two.show('kept-two.service', name),
    );
    expect(await Promise.all(told)).toEqual([`${64 * 2 ** 20}`, '500ms', 'yes', '/system.slice/kept-two.service']);
    const main = await two.show('kept-two.service', 'MainPID');
    expect(await two.sh('cat /sys/fs/cgroup/system.slice/kept-two.service/cgroup.procs')).toBe(`${main}\n`);
  });

  test('uninstalled with --purge, nothing of it is left', async () => {
    // One that never stops by itself.
    await apply(
      unit('stay.service', 'MachineID=one').replace(
        /ExecStart=.*/,
        `ExecStart=/bin/sh -c 'trap "" TERM; while :; do sleep 1; done'\n    TimeoutStopSec=infinity`,
      ),
    );
    await apply(unit('dock.service', 'MachineID=one').replace(/\/bin\/sleep infinity[^]*?50%/, STUBBORN));
    await eventually('it runs', async () => expect(await show('stay.service', 'ActiveState')).toBe('active'));
    await eventually('the fence guard knows of the other', async () =>
      expect(await host.sh('cat /run/terrane/fence-*')).toMatch(/^container [0-9a-f]{64}$/m),
    );
    await host.sh('TERRANE_STOP_SECONDS=2 /opt/terrane/uninstall.sh --purge; rm -f /var/tmp/agent.tar.gz /var/tmp/upgrade.mjs');
    for (const name of ['kept.service', 'stay.service']) expect(await show(name, 'LoadState')).toBe('not-found');
    expect((await host.run('pgrep -f "[w]hile :"')).stdout).toBe('');
    expect(await host.sh("systemctl list-units --all --no-legend 'terrane*'")).toBe('');
    expect(await host.sh('docker ps -aq')).toBe('');
    expect(
      await host.sh(
        'ip link; ip -4 route show table all; docker network ls; nft list tables 2>/dev/null; iptables -S 2>/dev/null || true',
      ),
    ).not.toMatch(/terrane|trn-|proto 84|TERRANE/);
    const after = await everyFile(host);
    const left = after.split('\n').filter((path) => !before.split('\n').includes(path));
    // wireguard-go's own directory stays, empty: whoever removes it takes what others have mounted there.
    expect(left.filter((path) => path !== '/run/wireguard')).toEqual([]);
  });
});

/** But for what the system itself writes down as time goes by. */
function everyFile(host: SystemdHost): Promise<string> {
  const others = [
    '/proc',
    '/sys',
    '/dev',
    '/usr',
    '/var/lib/docker',
    '/var/lib/containerd',
    '/var/log',
    '/var/lib/systemd',
    '/run/docker',
    '/run/containerd',
    '/run/log',
    '/run/systemd',
    '/run/user',
    '/run/credentials',
    '/tmp/systemd-private',
  ];
  return host.sh(
    `find / \\( ${others.map((path) => `-path "${path}*"`).join(' -o ')} \\) -prune -o -print | grep -v "^/tmp/tmp\\." | sort; ls /usr/local/bin /run/systemd/system`,
  );
}

/** Makes of the service's unit file that of a version. */
const MARKED = (text: string, version: string) => text.replace('[Service]', `[Service]\nEnvironment=MARK=${version}`);

/** An agent's archive whose program is this one. */
async function archiveWith(agent: string, version: string, unit: typeof MARKED): Promise<Buffer> {
  const source = join(ROOT, 'agent/install');
  const shared = async (name: string, change: (text: string) => string) => {
    const content = Buffer.from(change(await readFile(join(source, name), 'utf8')));
    return { path: `share/${name}`, mode: 0o755, content };
  };
  const commented = (text: string) => `${text}# ${version}\n`;
  const own = tarMembers([
    { path: 'bin/terrane-agent', mode: 0o755, content: await readFile(join(source, 'terrane-agent')) },
    { path: 'lib/agent.mjs', mode: 0o644, content: Buffer.from(`${agent}// ${version}\n`) },
    await shared('terrane-agent.service', (text) => unit(text, version)),
    await shared('upgrade-guard.sh', commented),
    await shared('uninstall.sh', commented),
  ]);
  // As the build keeps it: a member of gzip that archives begin with.
  const pinned = JSON.parse(await readFile(join(source, 'runtime.json'), 'utf8')) as { version: string };
  const runtime = await readFile(
    join(ROOT, `node_modules/.cache/terrane/node-linux-${process.arch}-${pinned.version}.member.gz`),
  );
  return Buffer.concat([runtime, gzipSync(Buffer.concat([own, tarEnd()]))]);
}

/** What the agent does when it is told to upgrade, as a program: VERSION SHA256 SECONDS. */
async function upgradeProgram(): Promise<string> {
  const result = await build({
    stdin: {
      contents: `
        import { installationAt } from './agent/upgrade/installation.ts';
        import { agentUpgrade } from './agent/upgrade/upgrade.ts';
        const [version, sha256, seconds] = process.argv.slice(2);
        const upgrade = agentUpgrade({ installation: installationAt('/opt/terrane'), now: () => Date.now(), healthySeconds: Number(seconds) });
        await upgrade.upgradeTo(version, '/var/tmp/agent.tar.gz', sha256);`,
      resolveDir: ROOT,
      loader: 'ts',
    },
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
  });
  return result.outputFiles[0]!.text;
}
