import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inside, ip, makeNamespace, removeNamespaces } from '../../support/netlab/namespaces.ts';

/** What the demo takes away after an engine of its own (test/e2e/demo.test.ts has a real one), and what it leaves: whatever may be somebody else's. */

const FORWARDING = ['net.ipv4.ip_forward', 'net.ipv6.conf.all.forwarding', 'net.ipv6.conf.default.forwarding'];

const canRun = process.getuid?.() === 0;
if (!canRun) console.warn('skipped what changes a firewall: it takes root');

/** As Docker 20.10 sets a machine up. */
const DOCKER_20 = `
  ip link add docker0 type bridge
  sysctl -qw net.ipv4.ip_forward=1
  iptables -P FORWARD DROP
  for chain in DOCKER DOCKER-USER; do iptables -N $chain; done
  iptables -A DOCKER-USER -j RETURN
  iptables -A FORWARD -j DOCKER-USER
  iptables -A FORWARD -o docker0 -j DOCKER
  iptables -t nat -N DOCKER
  iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE`;

/** And what Docker 27 and 28 add: rules for IPv6, and those that keep packets for containers from coming in on other devices. */
const DOCKER_28 = `${DOCKER_20}
  iptables -N DOCKER-FORWARD
  iptables -A FORWARD -j DOCKER-FORWARD
  iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
  iptables -t raw -A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
  sysctl -qw net.ipv6.conf.default.forwarding=1 net.ipv6.conf.all.forwarding=1
  ip6tables -P FORWARD DROP
  for chain in DOCKER DOCKER-USER DOCKER-FORWARD; do ip6tables -N $chain; done
  ip6tables -A FORWARD -j DOCKER-USER
  ip6tables -A FORWARD -j DOCKER-FORWARD
  ip6tables -A DOCKER-FORWARD -i docker0 -j ACCEPT
  ip6tables -t nat -N DOCKER
  ip6tables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER`;

(canRun ? describe : describe.skip)('after an engine of the demo', () => {
  let dir: string;
  let netns: string;
  beforeEach(() => {
    dir = mkdtempSync('/tmp/trn-traces-');
    netns = dir.split('/').at(-1)!;
    makeNamespace(netns);
    inside(netns, 'sysctl', '-qw', ...FORWARDING.map((name) => `${name}=0`));
  });
  afterEach(async () => {
    await removeNamespaces([netns]);
    rmSync(dir, { recursive: true });
  });

  const sh = (script: string) => inside(netns, 'sh', '-ec', script);
  const state = () => sh(`ip -o link | cut -d " " -f 2; nft list ruleset; sysctl ${FORWARDING.join(' ')}`);
  const traces = (script: string, input = '') =>
    execFileSync(
      'nsenter',
      [
        `--net=/run/netns/${netns}`,
        process.execPath,
        '--import',
        'tsx',
        '--input-type=module',
        '-e',
        `import { noteDockerTraces, removeDockerTraces } from ${JSON.stringify(join(import.meta.dirname, '../../../bin/machine/docker-traces.ts'))};
         import { readFileSync } from 'node:fs';
         ${script}`,
      ],
      { input, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
  const note = () => traces('process.stdout.write(JSON.stringify(noteDockerTraces()))');
  const remove = (noted: string) => traces(`removeDockerTraces(JSON.parse(readFileSync(0, 'utf8')))`, noted);

  test.each([
    ['20.10', DOCKER_20],
    ['28', DOCKER_28],
  ])('on a machine without any rules all is as it was, Docker %s', (_, setUp) => {
    const before = state();
    const noted = note();
    sh(setUp);
    remove(noted);
    expect(state()).toBe(before);
  });

  test('an engine that left its own behind finds it all, with the rules of whoever runs it', () => {
    sh(`${DOCKER_28}
      iptables -I DOCKER-USER -s 192.0.2.1 -j DROP
      iptables -A INPUT -i docker0 -j ACCEPT
      ip6tables -I DOCKER-USER -s 2001:db8::1 -j DROP`);
    const before = state();
    const noted = note();
    sh(`iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o docker0 -j MASQUERADE
      ip6tables -t nat -A PREROUTING -i docker0 -j RETURN`);
    remove(noted);
    expect(state()).toBe(before);
  });

  test('what somebody else set up meanwhile stays: rules, a policy, what is on the bridge, and forwarding for a new device', () => {
    const noted = note();
    sh(DOCKER_28);
    sh(`iptables -I DOCKER-USER -s 192.0.2.1 -j DROP
      iptables -A FORWARD -i virbr0 -j ACCEPT
      ip6tables -A FORWARD -i virbr0 -j ACCEPT
      ip link add virbr0 type bridge
      ip link add port type veth peer name other
      ip link set port master docker0`);
    remove(noted);
    const rules = sh('iptables -S');
    expect(rules).toMatch(
      /-A FORWARD -j DOCKER-USER\n[^]*-A FORWARD -i virbr0 -j ACCEPT\n[^]*-A DOCKER-USER -s 192.0.2.1\/32 -j DROP/,
    );
    expect(rules).not.toMatch(/DOCKER\n/);
    expect(sh('ip6tables -S')).toBe('-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A FORWARD -i virbr0 -j ACCEPT\n');
    expect(ip('-n', netns, '-o', 'link', 'show', 'master', 'docker0')).toContain('port');
    for (const name of FORWARDING) expect(sh(`sysctl -n ${name}`)).toBe('1\n');
  });

  test('where packets were forwarded before, Docker drops none, and who does is somebody else', () => {
    sh('sysctl -qw net.ipv4.ip_forward=1');
    const noted = note();
    sh(DOCKER_28);
    remove(noted);
    expect(sh('iptables -S')).toContain('-P FORWARD DROP');
    expect(sh('sysctl -n net.ipv4.ip_forward')).toBe('1\n');
  });

  test('of another engine, which runs by now, nothing is touched', async () => {
    const noted = note();
    sh(DOCKER_28);
    const before = state();
    copyFileSync('/bin/sleep', join(dir, 'dockerd'));
    const engine = spawn('nsenter', [`--net=/run/netns/${netns}`, join(dir, 'dockerd'), '600'], { stdio: 'ignore' });
    try {
      remove(noted);
      expect(state()).toBe(before);
    } finally {
      engine.kill('SIGKILL');
    }
  });
});
