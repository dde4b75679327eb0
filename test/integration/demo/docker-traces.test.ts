import { execFileSync, spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { inside, ip, makeNamespace, removeNamespaces } from '../../support/netlab/namespaces.ts';

/** What the demo takes away after an engine of its own (test/e2e/demo.test.ts has a real one), and what it leaves: whatever may be somebody else's. */

const canRun = process.getuid?.() === 0;
if (!canRun) console.warn('skipped what changes a firewall: it takes root');

/** As Docker 20.10 sets a machine up. */
const DOCKER = `
  ip link add docker0 type bridge
  sysctl -qw net.ipv4.ip_forward=1
  iptables -P FORWARD DROP
  for chain in DOCKER DOCKER-USER; do iptables -N $chain; done
  iptables -A DOCKER-USER -j RETURN
  iptables -A FORWARD -j DOCKER-USER
  iptables -A FORWARD -o docker0 -j DOCKER
  iptables -t nat -N DOCKER
  iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE`;

(canRun ? describe : describe.skip)('after an engine of the demo', () => {
  let dir: string;
  let netns: string;
  beforeEach(() => {
    dir = mkdtempSync('/tmp/trn-traces-');
    netns = dir.split('/').at(-1)!;
    makeNamespace(netns);
    inside(netns, 'sysctl', '-qw', 'net.ipv4.ip_forward=0');
  });
  afterEach(async () => {
    await removeNamespaces([netns]);
    rmSync(dir, { recursive: true });
  });

  const sh = (script: string) => inside(netns, 'sh', '-ec', script);
  const state = () => sh('ip -o link | cut -d " " -f 2; nft list ruleset; sysctl net.ipv4.ip_forward');
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

  test('on a machine without any rules all is as it was', () => {
    const before = state();
    const noted = note();
    sh(DOCKER);
    remove(noted);
    expect(state()).toBe(before);
  });

  test('an engine that left its own behind finds it all, with the rules of whoever runs it', () => {
    sh(`${DOCKER}
      iptables -I DOCKER-USER -s 192.0.2.1 -j DROP
      iptables -A INPUT -i docker0 -j ACCEPT`);
    const before = state();
    const noted = note();
    sh('iptables -t nat -A POSTROUTING -s 172.18.0.0/16 ! -o docker0 -j MASQUERADE');
    remove(noted);
    expect(state()).toBe(before);
  });

  test('what somebody else set up meanwhile stays: rules, a policy, what is on the bridge, and forwarding for a new device', () => {
    const noted = note();
    sh(DOCKER);
    sh(`iptables -I DOCKER-USER -s 192.0.2.1 -j DROP
      iptables -A FORWARD -i virbr0 -j ACCEPT
      ip link add virbr0 type bridge
      ip link add port type veth peer name other
      ip link set port master docker0`);
    remove(noted);
    const rules = sh('iptables -S');
    expect(rules).toMatch(
      /-A FORWARD -j DOCKER-USER\n[^]*-A FORWARD -i virbr0 -j ACCEPT\n[^]*-A DOCKER-USER -s 192.0.2.1\/32 -j DROP/,
    );
    expect(rules).not.toMatch(/DOCKER\n/);
    expect(ip('-n', netns, '-o', 'link', 'show', 'master', 'docker0')).toContain('port');
    expect(sh('sysctl -n net.ipv4.ip_forward')).toBe('1\n');
  });

  test('where packets were forwarded before, Docker drops none, and who does is somebody else', () => {
    sh('sysctl -qw net.ipv4.ip_forward=1');
    const noted = note();
    sh(DOCKER);
    remove(noted);
    expect(sh('iptables -S')).toContain('-P FORWARD DROP');
    expect(sh('sysctl -n net.ipv4.ip_forward')).toBe('1\n');
  });

  test('of another engine, which runs by now, nothing is touched', async () => {
    const noted = note();
    sh(DOCKER);
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
