import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chainRemoval } from '../../../core/network/firewall.ts';
import { RAW_CHAIN, rawScript } from '../../../core/network/raw-drop.ts';
import { inside, ip, makeNamespace, removeNamespaces } from '../../support/netlab/namespaces.ts';

/** Docker 28's drop in the raw table and the rule that passes it by, on real packets, with each of the two iptables that hosts have. */

const TOOLS = ['iptables-nft', 'iptables-legacy'];
const possible = process.getuid?.() === 0 && TOOLS.every((tool) => existsSync(`/usr/sbin/${tool}`));
if (!possible) console.warn("skipped Docker's raw drop on real packets: it takes root and Debian's iptables");

const id = `tw${process.pid.toString(36)}`;
const [HOST, POD, OTHER] = [`${id}-h`, `${id}-p`, `${id}-o`];
const NET = '10.244.0.0/16';
const BRIDGE = 'trn-0af40100';

(possible ? describe : describe.skip).each(TOOLS)("what Docker drops in %s's raw table", (tool) => {
  const restore = `${tool}-restore`;
  const list = () => inside(HOST, tool, '-w', '-t', 'raw', '-S');
  const repair = () => {
    const script = rawScript(NET, list());
    if (script)
      execFileSync('nsenter', [`--net=/run/netns/${HOST}`, restore, '-w', '--noflush'], {
        input: script,
        stdio: ['pipe', 'ignore', 'pipe'],
      });
  };
  /** An answer comes at once; its absence is not waited for long. */
  const reaches = (from = '10.244.2.2', seconds = '15') => {
    try {
      inside(OTHER, 'ping', '-n', '-c', '1', '-W', seconds, '-I', from, '10.244.1.9');
      return true;
    } catch {
      return false;
    }
  };

  beforeAll(() => {
    for (const netns of [HOST, POD, OTHER]) makeNamespace(netns);
    ip('-n', HOST, 'link', 'add', BRIDGE, 'type', 'bridge');
    ip('-n', HOST, 'link', 'set', BRIDGE, 'up');
    ip('-n', HOST, 'addr', 'add', '10.244.1.1/24', 'dev', BRIDGE);
    inside(HOST, 'sysctl', '-qw', 'net.ipv4.ip_forward=1');
    ip('link', 'add', 'eth0', 'netns', POD, 'type', 'veth', 'peer', 'name', 'v0', 'netns', HOST);
    ip('-n', HOST, 'link', 'set', 'v0', 'master', BRIDGE, 'up');
    ip('-n', POD, 'addr', 'add', '10.244.1.9/24', 'dev', 'eth0');
    ip('-n', POD, 'link', 'set', 'eth0', 'up');
    ip('-n', POD, 'route', 'add', 'default', 'via', '10.244.1.1');
    ip('link', 'add', 'eth0', 'netns', OTHER, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', HOST);
    for (const [netns, address] of [
      [HOST, '192.168.79.1/24'],
      [OTHER, '192.168.79.2/24'],
    ] as const) {
      ip('-n', netns, 'addr', 'add', address, 'dev', 'eth0');
      ip('-n', netns, 'link', 'set', 'eth0', 'up');
    }
    ip('-n', OTHER, 'addr', 'add', '10.244.2.2/32', 'dev', 'lo');
    ip('-n', OTHER, 'route', 'add', '10.244.1.0/24', 'via', '192.168.79.1');
    ip('-n', HOST, 'route', 'add', '10.244.2.0/24', 'via', '192.168.79.2');
  });
  afterAll(() => removeNamespaces([HOST, POD, OTHER]));

  test.each([
    ['each container', '10.244.1.9/32'],
    ['a whole network', '10.244.1.0/24'],
  ])('for %s does not keep pods of other hosts away, and others stay away', (_, target) => {
    const before = list();
    expect(reaches()).toBe(true);
    const drop = ['PREROUTING', '-d', target, '!', '-i', BRIDGE, '-j', 'DROP'];
    inside(HOST, tool, '-w', '-t', 'raw', '-A', ...drop);
    expect(reaches('10.244.2.2', '0.3')).toBe(false);
    repair();
    expect(reaches()).toBe(true);
    expect(reaches('192.168.79.2', '0.3')).toBe(false);
    // Once it is there, nothing is left to do; and it comes back in front.
    const placed = list();
    expect(rawScript(NET, placed)).toBeUndefined();
    inside(HOST, tool, '-w', '-t', 'raw', '-D', 'PREROUTING', '-j', RAW_CHAIN);
    inside(HOST, tool, '-w', '-t', 'raw', '-A', 'PREROUTING', '-j', RAW_CHAIN);
    expect(reaches('10.244.2.2', '0.3')).toBe(false);
    repair();
    expect(reaches()).toBe(true);
    expect(list()).toBe(placed);

    execFileSync('nsenter', [`--net=/run/netns/${HOST}`, restore, '-w', '--noflush'], {
      input: chainRemoval('raw', RAW_CHAIN, list())!,
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    inside(HOST, tool, '-w', '-t', 'raw', '-D', ...drop);
    expect(list()).toBe(before);
  });
});
