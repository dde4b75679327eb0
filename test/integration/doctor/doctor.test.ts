import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { AssignedNetwork } from '../../../core/network/assigned-network.ts';
import type { Diagnosis } from '../../../core/network/doctor/facts.ts';
import { bridgeOf, gatewayOf, tunnelAddressOf, vtepMacOf } from '../../../core/network/names.ts';
import { eventually } from '../../support/eventually.ts';
import { inside, ip, makeNamespace, makeSwitch, plug, removeNamespaces } from '../../support/netlab/namespaces.ts';

/** Two hosts as network namespaces with a VXLAN between them made by hand, and each trouble for real. */

const possible = process.getuid?.() === 0 && existsSync('/usr/sbin/nft');
if (!possible) console.warn('skipped the doctor among real troubles: it takes root and nftables');
const whenPossible = possible ? describe : describe.skip;

const id = `td${process.pid.toString(36)}`;
const SWITCH = `${id}-sw`;
const HOSTS = [
  { name: 'a', netns: `${id}-a`, address: '192.168.78.1', subnet: '10.244.1.0/24', port: 'p1' },
  { name: 'b', netns: `${id}-b`, address: '192.168.78.2', subnet: '10.244.2.0/24', port: 'p2' },
] as const;
const [A, B] = HOSTS;

type Host = (typeof HOSTS)[number];

const backend = {
  type: 'vxlan',
  vni: 1,
  port: 8472,
  directRouting: false,
  listenPort: 51_820,
  keepaliveSeconds: 25,
  allowUnencrypted: true,
} as const;

const assignedTo = (host: Host, more: Partial<AssignedNetwork> = {}): AssignedNetwork => ({
  network: '10.244.0.0/16',
  subnet: host.subnet,
  clusterDomain: 'cluster.local',
  backend,
  peers: HOSTS.filter((other) => other !== host).map(({ name, subnet, address }) => ({
    node: name,
    subnet,
    address,
    mtu: 1500,
    vtepMac: vtepMacOf(subnet),
  })),
  ...more,
});

function makeHost({ netns, address, subnet, port }: Host): void {
  makeNamespace(netns);
  plug(netns, SWITCH, { device: 'eth0', port, address: `${address}/24` });
  ip('-n', netns, 'route', 'add', 'default', 'via', '192.168.78.254');
  inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
  ip('-n', netns, 'link', 'add', bridgeOf(subnet), 'mtu', '1450', 'type', 'bridge');
  ip('-n', netns, 'addr', 'add', `${gatewayOf(subnet)}/24`, 'dev', bridgeOf(subnet));
  ip('-n', netns, 'link', 'set', bridgeOf(subnet), 'up');
  const vxlan = ['type', 'vxlan', 'id', '1', 'local', address, 'dev', 'eth0', 'dstport', '8472', 'nolearning'];
  ip('-n', netns, 'link', 'add', 'terrane-vx', 'address', vtepMacOf(subnet), 'mtu', '1450', ...vxlan);
  ip('-n', netns, 'addr', 'add', `${tunnelAddressOf(subnet)}/32`, 'dev', 'terrane-vx');
  ip('-n', netns, 'link', 'set', 'terrane-vx', 'up');
  for (const other of HOSTS.filter((each) => each.subnet !== subnet)) {
    const via = tunnelAddressOf(other.subnet);
    const mac = vtepMacOf(other.subnet);
    ip('-n', netns, 'neigh', 'replace', via, 'lladdr', mac, 'dev', 'terrane-vx', 'nud', 'permanent');
    inside(netns, 'bridge', 'fdb', 'replace', mac, 'dev', 'terrane-vx', 'dst', other.address, 'self', 'permanent');
    ip('-n', netns, 'route', 'replace', other.subnet, 'via', via, 'dev', 'terrane-vx', 'onlink', 'proto', '84');
  }
}

class Agent {
  readonly #child: ChildProcess;
  readonly #lines: Interface;

  constructor({ netns, name }: Host, resolvConf: string, upstream: string[] = []) {
    const script = new URL('./doctor-host.ts', import.meta.url).pathname;
    const args = [`--net=/run/netns/${netns}`, process.execPath, '--import', 'tsx', script, name, resolvConf, ...upstream];
    this.#child = spawn('nsenter', args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! });
  }

  async ready(): Promise<void> {
    await once(this.#lines, 'line');
  }

  async ask(assigned: AssignedNetwork): Promise<Diagnosis> {
    const answer = once(this.#lines, 'line');
    this.#child.stdin!.write(`${JSON.stringify(assigned)}\n`);
    const [line] = (await answer) as [string];
    return JSON.parse(line) as Diagnosis;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.stdin!.end();
    await once(this.#child, 'exit');
  }
}

whenPossible('the doctor', () => {
  let dir: string;
  const agents: Agent[] = [];

  beforeAll(async () => {
    dir = mkdtempSync('/tmp/trn-doctor-');
    writeFileSync(join(dir, 'resolv.conf'), `nameserver ${B.address}\n`);
    makeSwitch(SWITCH);
    for (const host of HOSTS) makeHost(host);
    agents.push(new Agent(A, join(dir, 'resolv.conf')), new Agent(B, join(dir, 'resolv.conf'), [B.address]));
    await Promise.all(agents.map((agent) => agent.ready()));
    await eventually('both hosts are well', async () => {
      const found = await Promise.all(HOSTS.map((host, index) => wrong(agents[index]!, assignedTo(host))));
      expect(found).toEqual([[], []]);
    });
  });
  afterAll(async () => {
    for (const agent of agents) await agent.stop();
    await removeNamespaces([SWITCH, ...HOSTS.map(({ netns }) => netns)]);
    rmSync(dir, { recursive: true });
  });

  async function wrong(agent: Agent, assigned: AssignedNetwork): Promise<string[]> {
    const { findings } = await agent.ask(assigned);
    return findings
      .filter(({ status }) => status !== 'ok')
      .map(({ check, status, message, fix }) => `${check} ${status}: ${message} | ${fix}`);
  }

  /** What host a says, once the trouble is there; and that it says nothing any more once it is gone. */
  async function during(trouble: () => void, end: () => void, more: Partial<AssignedNetwork> = {}): Promise<string[]> {
    trouble();
    try {
      return await wrong(agents[0]!, assignedTo(A, more));
    } finally {
      end();
      await eventually('host a is well again', async () => expect(await wrong(agents[0]!, assignedTo(A))).toEqual([]));
    }
  }

  const inA = (command: string, ...args: string[]) => void inside(A.netns, command, ...args);
  const inB = (command: string, ...args: string[]) => void inside(B.netns, command, ...args);

  test('sees that the kernel does not forward', async () => {
    const found = await during(
      () => inA('sysctl', '-qw', 'net.ipv4.ip_forward=0'),
      () => inA('sysctl', '-qw', 'net.ipv4.ip_forward=1'),
    );
    expect(found).toEqual([expect.stringMatching(/^ip-forward problem: .* \| sysctl -w net.ipv4.ip_forward=1/)]);
  });

  test("sees Docker's policy of DROP, and that the rule of its fix is enough", async () => {
    const found = await during(
      () => inA('iptables', '-P', 'FORWARD', 'DROP'),
      () => inA('iptables', '-I', 'FORWARD', '-s', '10.244.0.0/16', '-d', '10.244.0.0/16', '-j', 'ACCEPT'),
    );
    expect(found).toEqual([
      expect.stringMatching(/^forward-policy problem: .*iptables -I FORWARD -s 10.244.0.0\/16 -d 10.244.0.0\/16 -j ACCEPT/),
    ]);
    inA('iptables', '-P', 'FORWARD', 'ACCEPT');
  });

  test('sees another firewall that drops what is forwarded', async () => {
    const found = await during(
      () => {
        inA('nft', 'add table inet firewalld');
        inA('nft', 'add chain inet firewalld filter_FORWARD { type filter hook forward priority 10; }');
        inA('nft', 'add rule inet firewalld filter_FORWARD ct state established accept');
        inA('nft', 'add rule inet firewalld filter_FORWARD reject with icmpx type admin-prohibited');
      },
      // As the doctor advises.
      () => {
        const pods = 'ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16';
        inA('nft', `insert rule inet firewalld filter_FORWARD ${pods} accept`);
      },
    );
    expect(found).toEqual([expect.stringContaining('forward-policy problem: the chain inet firewalld filter_FORWARD')]);
    inA('nft', 'delete table inet firewalld');
  });

  test.each([
    ["one container's address", '10.244.1.9/32'],
    ["a network's subnet", A.subnet],
  ])('sees what Docker 28 and later drop in the raw table for %s, and that the rule of its fix is enough', async (_, target) => {
    const drop = ['PREROUTING', '-d', target, '!', '-i', bridgeOf(A.subnet), '-j', 'DROP'];
    const accept = ['PREROUTING', '-s', '10.244.0.0/16', '-d', '10.244.0.0/16', '-j', 'ACCEPT'];
    const found = await during(
      () => inA('iptables', '-t', 'raw', '-A', ...drop),
      () => inA('iptables', '-t', 'raw', '-I', ...accept),
    );
    expect(found[0]).toMatch(
      /^docker-raw-drop problem: Docker drops .*-I PREROUTING -s 10.244.0.0\/16 -d 10.244.0.0\/16 -j ACCEPT.*nat-unprotected/,
    );
    inA('iptables', '-t', 'raw', '-F', 'PREROUTING');
  });

  test('sees what a Docker with nftables drops, and that the rule of its fix is enough', async () => {
    const found = await during(
      () => {
        inA('nft', 'add table ip docker-bridges');
        inA('nft', 'add chain ip docker-bridges raw-PREROUTING { type filter hook prerouting priority raw; policy accept; }');
        inA(
          'nft',
          `add rule ip docker-bridges raw-PREROUTING ip daddr 10.244.1.9 iifname != ${bridgeOf(A.subnet)} counter drop comment "DROP DIRECT ACCESS"`,
        );
      },
      () => inA('nft', 'insert rule ip docker-bridges raw-PREROUTING ip saddr 10.244.0.0/16 ip daddr 10.244.0.0/16 accept'),
    );
    expect(found).toEqual([
      expect.stringMatching(
        /^docker-raw-drop problem: .*nft insert rule ip docker-bridges raw-PREROUTING ip saddr 10.244.0.0\/16 ip daddr 10.244.0.0\/16 accept/,
      ),
    ]);
    inA('nft', 'delete table ip docker-bridges');
  });

  test('sees that the device below has less room than pods think', async () => {
    const found = await during(
      () => ip('-n', A.netns, 'link', 'set', 'eth0', 'mtu', '1460'),
      () => {
        ip('-n', A.netns, 'link', 'set', 'eth0', 'mtu', '1500');
        // What the kernel has learnt of the path meanwhile.
        ip('-n', A.netns, 'route', 'flush', 'cache');
      },
    );
    expect(found[0]).toMatch(/^mtu problem: pods send packets of 1450 bytes, and eth0 \(MTU 1460\) has room for 1410/);
  });

  test('sees that large packets get lost on the way, though all devices look well', async () => {
    const found = await during(
      () => ip('-n', SWITCH, 'link', 'set', A.port, 'mtu', '1460'),
      () => ip('-n', SWITCH, 'link', 'set', A.port, 'mtu', '1500'),
    );
    expect(found).toEqual([expect.stringMatching(/^packet-size problem: packets of 1450 bytes.* b, small ones do/)]);
  });

  test("sees that the tunnel's port is blocked", async () => {
    const found = await during(
      () => {
        inB('nft', 'add table inet wall');
        inB('nft', 'add chain inet wall in { type filter hook input priority 0; policy accept; }');
        inB('nft', 'add rule inet wall in udp dport 8472 drop');
      },
      () => inB('nft', 'delete table inet wall'),
    );
    expect(found).toEqual([
      expect.stringMatching(/^peers problem: b can be reached, but nothing comes back.*UDP port 8472 \(VXLAN\)/),
    ]);
  });

  test('sees that a host is away', async () => {
    writeFileSync(join(dir, 'resolv.conf'), `nameserver ${B.address}\n`);
    const found = await during(
      () => ip('-n', SWITCH, 'link', 'set', B.port, 'down'),
      () => ip('-n', SWITCH, 'link', 'set', B.port, 'up'),
    );
    expect(found).toEqual([
      expect.stringMatching(/^peers problem: b can't be reached: neither .* nor at its own address 192\.168\.78\.2/),
      expect.stringMatching(/^dns problem: 192\.168\.78\.2, which names outside of the cluster are asked of, doesn't answer/),
    ]);
  });

  test("sees a network of the host's own in the pods' network", async () => {
    const found = await during(
      () => {
        ip('-n', A.netns, 'link', 'add', 'office', 'type', 'bridge');
        ip('-n', A.netns, 'addr', 'add', '10.244.77.1/24', 'dev', 'office');
        ip('-n', A.netns, 'link', 'set', 'office', 'up');
      },
      () => ip('-n', A.netns, 'link', 'del', 'office'),
    );
    expect(found).toEqual([expect.stringMatching(/^overlap problem: .* overlaps the host's own 10\.244\.77\.1\/24 on office/)]);
  });

  test('sees a route to a host that is gone, and one that is missing', async () => {
    const stale = ['10.244.9.0/24', 'via', '10.244.2.0', 'dev', 'terrane-vx', 'onlink', 'proto', '84'];
    expect(
      await during(
        () => ip('-n', A.netns, 'route', 'add', ...stale),
        () => ip('-n', A.netns, 'route', 'del', '10.244.9.0/24'),
      ),
    ).toEqual([expect.stringMatching(/^routes warning: the route to 10\.244\.9\.0\/24/)]);
    const theirs = [B.subnet, 'via', tunnelAddressOf(B.subnet), 'dev', 'terrane-vx', 'onlink', 'proto', '84'];
    const missing = await during(
      () => ip('-n', A.netns, 'route', 'del', B.subnet),
      () => ip('-n', A.netns, 'route', 'add', ...theirs),
    );
    expect(missing[0]).toMatch(/^routes problem: there is no route to b/);
  });

  test('sees two hosts with one address', async () => {
    const twin = { ...assignedTo(A).peers[0]!, node: 'c', subnet: '10.244.3.0/24' };
    const found = await wrong(agents[0]!, assignedTo(A, { peers: [...assignedTo(A).peers, twin] }));
    expect(found[0]).toMatch(/^duplicates problem: c and b have the same address 192\.168\.78\.2/);
  });

  test('sees that another name server holds the port, and that the agent takes it when it is free', async () => {
    await agents[0]!.stop();
    const listen = "require('node:net').createServer().listen(53, '0.0.0.0')";
    const squatter = spawn('nsenter', [`--net=/run/netns/${A.netns}`, process.execPath, '-e', listen]);
    try {
      await eventually('the port is taken', () => expect(inside(A.netns, 'ss', '-ltn')).toContain(':53 '));
      agents[0] = new Agent(A, join(dir, 'resolv.conf'));
      await agents[0].ready();
      await eventually('it is noticed', async () =>
        expect(await wrong(agents[0]!, assignedTo(A))).toEqual([
          expect.stringMatching(/^dns problem: the agent doesn't answer names: .*EADDRINUSE.*dnsmasq/),
        ]),
      );
    } finally {
      squatter.kill();
      await once(squatter, 'exit');
    }
    await eventually('the agent has the port', async () => expect(await wrong(agents[0]!, assignedTo(A))).toEqual([]));
  });
});
