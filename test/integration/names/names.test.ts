import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Diagnosis } from '../../../core/network/doctor/facts.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { eventually } from '../../support/eventually.ts';
import { importImage, busyboxFiles } from '../../support/images.ts';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { type Netlab, startNetlab } from '../../support/netlab/netlab.ts';

/** Three hosts, a container on each, and what these reach by name. */

const NAMES = ['a', 'b', 'c'] as const;
const WEB = 'mkdir /tmp/www; echo "$HOSTNAME" > /tmp/www/index.html; exec httpd -f -p 80 -h /tmp/www';
const HEALTH_PORT = '7490';

/** busybox, and glibc's resolver as nearly all programs have it; busybox' own, being static, can't use that. */
const IMAGE = 'terrane.test/resolver:1';
const GETENT = ['/glibc/ld.so', '--library-path', '/glibc', '/glibc/getent'];

async function importResolver(socket: string): Promise<void> {
  const linked = execFileSync('ldd', ['/usr/bin/getent'], { encoding: 'utf8' }).match(/\/\S+/g) ?? [];
  const nameOf = (path: string) => (path.includes('/ld-') ? 'ld.so' : basename(path));
  const files = ['/usr/bin/getent', ...linked].map((path) => ({
    path: `glibc/${nameOf(path)}`,
    content: readFileSync(path),
    mode: 0o755,
  }));
  const nsswitch = { path: 'etc/nsswitch.conf', content: 'hosts: files dns\n' };
  await importImage(socket, IMAGE, [...busyboxFiles(), ...files, nsswitch], ['ENV PATH=/bin']);
}

const pod = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name, part: 'all' } },
  spec: {
    nodeName: name,
    hostname: name,
    subdomain: 'all',
    terminationGracePeriodSeconds: 0,
    containers: [{ name: 'web', image: IMAGE, imagePullPolicy: 'Never', command: ['/bin/sh', '-c', WEB] }],
  },
});
const service = (name: string, spec: object) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name }, spec });
const MANIFESTS = [
  ...NAMES.flatMap((name) => [
    pod(name),
    service(`web-${name}`, { selector: { app: name }, ports: [{ name: 'http', port: 8080, targetPort: 80 }] }),
  ]),
  service('all', { clusterIP: 'None', selector: { part: 'all' }, ports: [{ name: 'http', port: 80 }] }),
  service('alias', { type: 'ExternalName', externalName: 'web-b.default.svc.cluster.local' }),
];

const describeInLab = canRunDockerd() ? describe : describe.skip;

describeInLab('in a cluster of three hosts', () => {
  let lab: Netlab;
  const addresses = new Map<string, string>();
  const containers = new Map<string, string>();

  beforeAll(async () => {
    lab = await startNetlab({ hosts: NAMES, network: { backend: { type: 'vxlan' } }, flags: ['--health-port', HEALTH_PORT] });
    for (const { engine } of lab.hosts) await importResolver(engine.socket);
    const stdin = MANIFESTS.map((one) => JSON.stringify(one)).join('\n---\n');
    const applied = await lab.installation.terrane(['apply', '-f', '-'], { stdin });
    expect(applied.stderr).toBe('');
    await eventually('the pods run', podsRun, { timeoutMs: 90_000 });
  }, 240_000);
  afterAll(() => lab?.stop(), 60_000);

  async function podsRun(): Promise<void> {
    const { items } = await lab.installation.terraneJson<{ items: Pod[] }>(['get', 'pods', '-o', 'json']);
    for (const { metadata, status } of items) {
      if (!status?.podIP || status.phase !== 'Running')
        throw new Error(`${JSON.stringify(status)}\n${lab.host(metadata.name).agent().tail()}`);
      addresses.set(metadata.name, status.podIP);
      const id = await lab.host(metadata.name).docker('ps', '-q', '--filter', `label=terrane.dev/pod-uid=${metadata.uid}`);
      containers.set(metadata.name, id.trim());
    }
    expect(addresses.size).toBe(3);
  }

  const inPod = (name: string, ...command: string[]) => lab.host(name).docker('exec', containers.get(name)!, ...command);

  /** Addresses that a container finds for a name. */
  async function lookUp(from: string, name: string, type = 'a'): Promise<string[]> {
    const text = await inPod(from, 'busybox', 'nslookup', `-type=${type}`, name);
    const [, answer = ''] = text.split(/\n\n/, 2);
    return [...answer.matchAll(/^Address(?: \d+)?: (\S+)/gm), ...answer.matchAll(/service = (.*)$/gm)]
      .map(([, found]) => found!)
      .sort();
  }

  /** What is served at a name, as a program in the container finds it. */
  async function read(from: string, name: string, port = 8080): Promise<string> {
    const [address] = (await inPod(from, ...GETENT, 'ahostsv4', name)).split(/\s/, 1);
    const pid = (await lab.host(from).docker('inspect', '--format', '{{.State.Pid}}', containers.get(from)!)).trim();
    const url = `http://${address}:${port}/`;
    return (await lab.host(from).must('nsenter', '-t', pid, '-n', 'curl', '-sS', '-m', '5', url)).trim();
  }

  async function allByName(): Promise<void> {
    for (const from of NAMES) for (const to of NAMES) expect(await read(from, `web-${to}`)).toBe(to);
  }

  test('each container reaches each service by its short name', async () => {
    await eventually('all do', allByName, { timeoutMs: 45_000 });
  });

  test('a container is told to ask its host, its own namespace first', async () => {
    const conf = await inPod('a', 'cat', '/etc/resolv.conf');
    expect(conf).toContain('search default.svc.cluster.local svc.cluster.local cluster.local');
    expect(conf).toMatch(/options .*ndots:5/);
  });

  test('a headless service is its pods, each of which has a name of its own', async () => {
    for (const from of NAMES) {
      expect(await lookUp(from, 'all.default.svc.cluster.local')).toEqual([...addresses.values()].sort());
      expect(await lookUp(from, 'b.all.default.svc.cluster.local')).toEqual([addresses.get('b')]);
    }
    expect(await read('c', 'b.all', 80)).toBe('b');
    const [first] = await lookUp('a', '_http._tcp.all.default.svc.cluster.local', 'srv');
    expect(first).toMatch(/^0 100 80 [abc]\.all\.default\.svc\.cluster\.local$/);
  });

  test('an ExternalName leads to what it stands for', async () => {
    expect(await read('a', 'alias')).toBe('b');
    expect(await read('a', 'web-c.default')).toBe('c');
  });

  test('what does not exist is said not to exist, and AAAA of what does is no error', async () => {
    await expect(inPod('a', 'busybox', 'nslookup', 'nothing.default.svc.cluster.local')).rejects.toThrow(/NXDOMAIN/);
    expect(await lookUp('a', 'web-b.default.svc.cluster.local', 'aaaa')).toEqual([]);
  });

  test("a key below /skydns in the cluster's key-value store is a name on all hosts, until it is deleted", async () => {
    const key = '/skydns/local/skydns/east/rails';
    await put(key, { host: '10.1.2.3', port: 80 });
    for (const from of NAMES)
      await eventually(`${from} knows it`, async () =>
        expect(await lookUp(from, 'rails.east.skydns.local')).toEqual(['10.1.2.3']),
      );
    await put(key, { host: '10.1.2.4', port: 80 });
    for (const from of NAMES)
      await eventually(`${from} knows the new one`, async () =>
        expect(await lookUp(from, 'east.skydns.local')).toEqual(['10.1.2.4']),
      );
    expect((await lab.installation.terrane(['kv', 'del', key])).code).toBe(0);
    for (const from of NAMES)
      await eventually(`${from} has forgotten it`, () =>
        expect(lookUp(from, 'rails.east.skydns.local')).rejects.toThrow(/NXDOMAIN/),
      );
    await put(key, { host: '10.1.2.5', port: 80 });
    await eventually('a knows it again', async () => expect(await lookUp('a', 'east.skydns.local')).toEqual(['10.1.2.5']));
  });

  async function put(key: string, record: object): Promise<void> {
    const { code, stderr } = await lab.installation.terrane(['kv', 'put', key, JSON.stringify(record)]);
    if (code !== 0) throw new Error(stderr);
  }

  describe('terrane net', () => {
    test('status says what each host has', async () => {
      const { stdout } = await lab.installation.terrane(['net', 'status']);
      expect(stdout).toContain('network 10.244.0.0/16, backend vxlan, names below cluster.local; 3 of 255 subnets (/24) in use');
      for (const { name, address } of lab.hosts)
        expect(stdout).toMatch(new RegExp(`^${name} +10\\.244\\.\\d+\\.0/24 +${address.replaceAll('.', '\\.')} +`, 'm'));
    });

    /** What of a host's findings isn't well; the machine's own name servers can't be reached from the lab. */
    const complaints = ({ findings }: Diagnosis) =>
      findings.filter(({ status, check }) => status !== 'ok' && check !== 'dns').map(({ check }) => check);

    async function doctor(...args: string[]): Promise<{ code: number | null; hosts: Diagnosis[] }> {
      const { code, stdout } = await lab.installation.terrane(['net', 'doctor', '--json', ...args]);
      return { code, hosts: (JSON.parse(stdout) as { hosts: Diagnosis[] }).hosts };
    }

    test('doctor asks all hosts, and finds nothing wrong with their network', async () => {
      await eventually('all are well', async () => {
        const { hosts } = await doctor();
        expect(hosts.map((host) => [host.node, complaints(host)])).toEqual(NAMES.map((name) => [name, []]));
      });
    });

    test('doctor finds what drops packets, says so in words, and exits with 1', async () => {
      const a = lab.host('a');
      await a.must(
        'nft',
        'add table inet wall; add chain inet wall through { type filter hook forward priority 0; policy drop; }',
      );
      try {
        const { code, hosts } = await doctor('--host', 'a');
        expect(code).toBe(1);
        expect(hosts.map(complaints)).toEqual([['forward-policy']]);
        const { stdout } = await lab.installation.terrane(['net', 'doctor', '--host', 'a']);
        expect(stdout).toMatch(/^a: \d+ of \d+ findings need a look\n/);
        expect(stdout).toMatch(
          /^ {2}problem {2}forward-policy: the chain inet wall through .*\n {11}fix: .*nft insert rule inet wall through/m,
        );
      } finally {
        await a.must('nft', 'delete table inet wall');
      }
    });

    test('doctor --local asks the agent of the machine, without a control plane', async () => {
      const terrane = new URL('../../../dist/terrane.mjs', import.meta.url).pathname;
      const { stdout } = await lab.host('c').run(process.execPath, terrane, 'net', 'doctor', '--local', HEALTH_PORT, '--json');
      const { hosts } = JSON.parse(stdout) as { hosts: Diagnosis[] };
      expect(hosts.map((host) => [host.node, complaints(host)])).toEqual([['c', []]]);
    });

    test('doctor names a host that does not exist, and one that can not be asked', async () => {
      const { code, stderr } = await lab.installation.terrane(['net', 'doctor', '--host', 'nowhere']);
      expect([code, stderr]).toEqual([1, expect.stringContaining('nodes "nowhere" not found')]);
      const local = await lab.installation.terrane(['net', 'doctor', '--local', '1']);
      expect([local.code, local.stderr]).toEqual([
        1,
        expect.stringContaining('no agent answers at http://127.0.0.1:1/diagnosis'),
      ]);
    });
  });

  test('all of that works while the control plane is away, also after an agent that comes up without it', async () => {
    await lab.installation.stopServer();
    try {
      await allByName();
      await lab.host('a').killAgent();
      await lab.host('a').startAgent();
      await eventually('the agent of a answers names again', async () => {
        await allByName();
        expect(await lookUp('a', 'east.skydns.local')).toEqual(['10.1.2.5']);
      });
    } finally {
      await lab.installation.startServer();
    }
  });
});
