import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { flannelEtcd } from '../../../agent/network/flannel/etcd.ts';
import { findEtcd } from '../etcd/debian-etcd.ts';
import { inNetns } from '../../e2e/support/installation.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { ip } from '../../support/netlab/namespaces.ts';
import { type LabHost, type Netlab, startNetlab } from '../../support/netlab/netlab.ts';
import { type LabPod, nodesOf, startPods } from '../../support/netlab/pods.ts';

/**
 * A host of ours in a flannel network: real etcd (Debian's), and a second host that has flannel's lease and is programmed just as flanneld
 * programs it, by hand, because flanneld can't be had here.
 */

const CONFIG = '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}';
const THEIR_SUBNET = '10.5.52.0/24';
const THEIR_MAC = 'e6:3d:00:00:00:52';
const PORT = 2399;

const program = canRunDockerd() ? await findEtcd() : undefined;

(program ? describe : describe.skip)('a host in a flannel network', () => {
  const data = mkdtempSync('/tmp/trn-flannel-');
  let lab: Netlab;
  let etcd: ChildProcess;
  let ours: LabHost;
  let theirs: LabHost;
  let pod: LabPod;

  /** The books, as anybody beside etcd reads and writes them. */
  const etcdctl = (...args: string[]) =>
    theirs.must('env', 'ETCDCTL_API=3', 'etcdctl', '--endpoints', `http://192.168.77.2:${PORT}`, ...args);

  beforeAll(async () => {
    lab = await startNetlab({ network: { flannelConfig: CONFIG } });
    ours = await lab.addHost('ours', { agent: false, flags: ['--flannel-etcd', `http://192.168.77.2:${PORT}`] });
    theirs = await lab.addHost('theirs', { agent: false });
    const url = `http://${theirs.address}:${PORT}`;
    const [command, ...args] = [...inNetns(theirs.netns), program!, '--data-dir', data, '--log-level', 'error'];
    etcd = spawn(
      command!,
      [...args, '--listen-client-urls', url, '--advertise-client-urls', url, '--listen-peer-urls', 'http://127.0.0.1:2398'],
      { stdio: 'ignore' },
    );
    await eventually('etcd answers', () => etcdctl('put', '/coreos.com/network/config', CONFIG));
    const lease = {
      PublicIP: theirs.address,
      PublicIPv6: null,
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: THEIR_MAC },
    };
    await etcdctl('put', '/coreos.com/network/subnets/10.5.52.0-24', JSON.stringify(lease));
    await ours.startAgent();
    [pod] = (await startPods(lab, [ours])) as [LabPod];
  }, 120_000);
  afterAll(async () => {
    if (etcd) {
      const ended = new Promise((resolve) => etcd.once('exit', resolve));
      etcd.kill('SIGKILL');
      await ended;
    }
    await lab?.stop();
    rmSync(data, { recursive: true, force: true });
  }, 60_000);

  const ourSubnet = async () => (await nodesOf(lab)).find(({ metadata }) => metadata.name === 'ours')!.spec!.podCIDR!;
  const ourLease = async () => {
    const key = `/coreos.com/network/subnets/${(await ourSubnet()).replace('/', '-')}`;
    return JSON.parse(await etcdctl('get', '--print-value-only', key)) as { PublicIP: string; BackendData: { VtepMAC: string } };
  };

  test('its lease stands in the books as flannel writes it, for a day', async () => {
    const subnet = await ourSubnet();
    const base = subnet.split('.').map(Number);
    const mac = [2, 0x54, ...base.slice(0, 3), 0].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
    expect(await ourLease()).toEqual({
      PublicIP: ours.address,
      PublicIPv6: null,
      BackendType: 'vxlan',
      BackendData: { VNI: 1, VtepMAC: mac },
    });
    const { leases } = JSON.parse(await etcdctl('lease', 'list', '-w', 'json')) as { leases: { id: number }[] };
    expect(leases).toHaveLength(1);
  });

  test("a container behind flannel's device and a pod reach each other", async () => {
    const { netns } = theirs;
    const subnet = await ourSubnet();
    const tunnel = subnet.replace('/24', '');
    const { VtepMAC } = (await ourLease()).BackendData;
    // What flanneld does with a lease (pkg/backend/vxlan): device, ARP, FDB, route.
    for (const line of [
      `link add flannel.1 address ${THEIR_MAC} mtu 1450 type vxlan id 1 local ${theirs.address} dev eth0 dstport 8472 nolearning`,
      'addr add 10.5.52.0/32 dev flannel.1',
      'link set flannel.1 up',
      `neigh replace ${tunnel} lladdr ${VtepMAC} dev flannel.1 nud permanent`,
      `route replace ${subnet} via ${tunnel} dev flannel.1 onlink`,
    ])
      ip('-n', netns, ...line.split(' '));
    await theirs.must('bridge', 'fdb', 'replace', VtepMAC, 'dev', 'flannel.1', 'dst', ours.address, 'self', 'permanent');
    await theirs.docker('network', 'create', '--subnet', THEIR_SUBNET, '-o', 'com.docker.network.driver.mtu=1450', 'flannel');
    await theirs.must('iptables', '-I', 'DOCKER-USER', '-s', '10.5.0.0/16', '-d', '10.5.0.0/16', '-j', 'ACCEPT');
    await theirs.docker('run', '-d', '--network', 'flannel', '--ip', '10.5.52.9', 'terrane.test/busybox:1', '/bin/sleep', '600');
    await eventually('the pod reaches the container', () => pod.ping('10.5.52.9'), { timeoutMs: 30_000 });
    await theirs.must('ping', '-n', '-c', '1', '-i', '0.2', '-w', '5', '-I', '10.5.52.1', pod.ip);
  }, 120_000);

  test('after a crash it finds its lease again, and leaves none behind', async () => {
    await ours.killAgent();
    const before = await ourLease();
    await ours.startAgent();
    await eventually('the new agent has claimed it', async () => {
      // Each agent has a log of its own; its last lines may be others by now.
      expect(readFileSync(ours.logFile()!, 'utf8')).toContain("lease stands in flannel's books");
      const { leases } = JSON.parse(await etcdctl('lease', 'list', '-w', 'json')) as { leases: { id: number }[] };
      expect(leases).toHaveLength(1);
    });
    expect(await ourLease()).toEqual(before);
    await pod.ping('10.5.52.9');
  }, 120_000);

  test("with flannel's etcd away, pods go on talking; a lease that ends takes its route with it", async () => {
    etcd.kill('SIGSTOP');
    await ours.must('ip', 'route', 'flush', 'proto', '84');
    await eventually('drift is repaired all the same', () => pod.ping('10.5.52.9'), { timeoutMs: 40_000 });
    etcd.kill('SIGCONT');
    await eventually('etcd answers', () => etcdctl('del', '/coreos.com/network/subnets/10.5.52.0-24'));
    await eventually(
      'the route is gone',
      async () => expect(await ours.must('ip', 'route', 'show', 'proto', '84')).not.toContain(THEIR_SUBNET),
      { timeoutMs: 40_000 },
    );
  }, 120_000);

  test('a subnet that flannel has given to another host is not taken, and the node says whose it is', async () => {
    const subnet = await ourSubnet();
    const lease = { PublicIP: '192.168.77.99', BackendType: 'vxlan', BackendData: { VNI: 1, VtepMAC: THEIR_MAC } };
    await etcdctl('put', `/coreos.com/network/subnets/${subnet.replace('/', '-')}`, JSON.stringify(lease));
    await eventually('the node says so', async () => {
      const node = (await nodesOf(lab)).find(({ metadata }) => metadata.name === 'ours')!;
      const condition = node.status!.conditions!.find(({ type }) => type === 'NetworkUnavailable');
      expect(condition).toMatchObject({ status: 'True', reason: 'FlannelNetwork' });
      expect(condition!.message).toContain(`flannel has given ${subnet} to 192.168.77.99`);
    });
  }, 60_000);
});

test('an etcd that is not there is told in words', async () => {
  await expect(flannelEtcd('http://127.0.0.1:1').range('/a')).rejects.toThrow();
});
