import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Keyspace } from '../keyspace/types.ts';
import { fixedContext, inTxn, newCluster, refusal } from '../resources/testing/fixtures.ts';
import { createResource, deleteResource, getResource, listResources, updateResource } from '../resources/write.ts';
import type { Service } from '../resources/schema/service.ts';
import { containsAddress, parseAddress, parseCidr } from './ipv4.ts';

let cluster: Keyspace;
let ctx = fixedContext();

beforeEach(async () => {
  ctx = fixedContext();
  cluster = await newCluster(ctx);
});

const service = (name: string, spec: object = {}) => ({
  metadata: { name, namespace: 'default' },
  spec: { ports: [{ port: 80 }], ...spec },
});
const create = (name: string, spec?: object) => inTxn(cluster, (txn) => createResource(txn, 'Service', service(name, spec), ctx));
const refused = async (name: string, spec: object) =>
  (await refusal(cluster, (txn) => createResource(txn, 'Service', service(name, spec), ctx))).message;
const change = (name: string, edit: (next: Service) => void) =>
  inTxn(cluster, (txn) => {
    const next = structuredClone(getResource(txn, 'Service', 'default', name)!);
    edit(next);
    return updateResource(txn, next, ctx);
  });
const settings = (data: Record<string, string>) =>
  inTxn(cluster, (txn) =>
    createResource(txn, 'ConfigMap', { metadata: { name: 'cluster-settings', namespace: 'terrane-system' }, data }, ctx),
  );

describe("a Service's address", () => {
  test('is of the default block, and of none that people choose from', async () => {
    const { spec } = await create('a');
    const address = parseAddress(spec!.clusterIP!)!;
    expect(containsAddress(parseCidr('10.96.0.0/16')!, address)).toBe(true);
    expect(address).toBeGreaterThanOrEqual(parseAddress('10.96.1.0')!);
    expect(spec!.clusterIPs).toEqual([spec!.clusterIP]);
  });

  test("is of the cluster's own block, if it has one", async () => {
    await settings({ serviceCidr: '172.30.4.0/24' });
    expect((await create('a')).spec!.clusterIP).toMatch(/^172\.30\.4\./);
  });

  test('is never that of another one, down to the last address of a block', async () => {
    await settings({ serviceCidr: '172.30.4.0/24' });
    for (let index = 0; index < 254; index++) await create(`s${index}`);
    const all = await inTxn(cluster, (txn) => listResources(txn, 'Service'));
    expect(new Set(all.map(({ spec }) => spec!.clusterIP)).size).toBe(254);
    expect(all.map(({ spec }) => spec!.clusterIP)).not.toContain('172.30.4.0');
    expect(all.map(({ spec }) => spec!.clusterIP)).not.toContain('172.30.4.255');
    expect(await refused('one-more', {})).toContain('failed to allocate a serviceIP: range is full');
    await inTxn(cluster, (txn) => deleteResource(txn, 'Service', 'default', 's7', {}, ctx));
    await create('one-more');
  });

  test('is what its author asks for, or refused in the words of Kubernetes', async () => {
    expect((await create('dns', { clusterIP: '10.96.0.10' })).spec!.clusterIPs).toEqual(['10.96.0.10']);
    expect(await refused('b', { clusterIP: '10.96.0.10' })).toBe(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: failed to allocate IP 10.96.0.10: provided IP is already allocated',
    );
    expect(await refused('b', { clusterIP: '192.0.2.1' })).toBe(
      'Service "b" is invalid: spec.clusterIPs: Invalid value: ["192.0.2.1"]: failed to allocate IP 192.0.2.1: the provided IP (192.0.2.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16',
    );
    expect(await refused('b', { clusterIP: '10.96.0.0' })).toContain('is not in the valid range');
    expect(await refused('b', { clusterIP: '10.96.0.999' })).toContain('must be a valid IPv4 address');
  });

  test('stays when the Service is written back without it, and with another block', async () => {
    const { spec } = await create('a');
    await settings({ serviceCidr: '172.30.4.0/24' });
    const next = await change('a', (each) => {
      delete each.spec!.clusterIP;
      delete each.spec!.clusterIPs;
      each.spec!.ports![0]!.targetPort = 8080;
    });
    expect(next.spec!.clusterIP).toBe(spec!.clusterIP);
  });

  test('is not given to headless Services and external names', async () => {
    expect((await create('a', { clusterIP: 'None' })).spec!.clusterIP).toBe('None');
    expect((await create('b', { type: 'ExternalName', externalName: 'example.com' })).spec).not.toHaveProperty('clusterIP');
  });

  test('comes and goes with the type', async () => {
    await create('a', { type: 'ExternalName', externalName: 'example.com' });
    const given = await change('a', ({ spec }) => {
      spec!.type = 'ClusterIP';
      delete spec!.externalName;
    });
    expect(given.spec!.clusterIP).toMatch(/^10\.96\./);
    const back = await change('a', ({ spec }) => Object.assign(spec!, { type: 'ExternalName', externalName: 'example.com' }));
    expect(back.spec).not.toHaveProperty('clusterIP');
  });
});

describe('a node port', () => {
  const nodePorts = ({ spec }: Service) => spec!.ports!.map(({ nodePort }) => nodePort);

  test('is given to each port of a NodePort Service, and one number to a port of two protocols', async () => {
    const ports = [
      { name: 'dns', port: 53, protocol: 'UDP' },
      { name: 'dns-tcp', port: 53, protocol: 'TCP' },
      { name: 'metrics', port: 9153 },
    ];
    const [udp, tcp, metrics] = nodePorts(await create('a', { type: 'NodePort', ports }));
    expect(udp).toBe(tcp);
    expect(metrics).not.toBe(tcp);
    for (const port of [tcp, metrics]) {
      expect(port).toBeGreaterThanOrEqual(30_000);
      expect(port).toBeLessThanOrEqual(32_767);
    }
  });

  test('is what its author asks for, or refused in the words of Kubernetes', async () => {
    const wants = (nodePort: number) => ({ type: 'NodePort', ports: [{ port: 80, nodePort }] });
    expect(nodePorts(await create('a', wants(30_080)))).toEqual([30_080]);
    expect(await refused('b', wants(30_080))).toBe(
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated',
    );
    expect(await refused('b', wants(80))).toBe(
      'Service "b" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    );
    expect(await refused('b', { ports: [{ port: 80, nodePort: 30_081 }] })).toContain(
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
    );
  });

  test('is never that of another one', async () => {
    const given = new Set<number | undefined>();
    for (let index = 0; index < 200; index++) given.add(nodePorts(await create(`s${index}`, { type: 'NodePort' }))[0]);
    expect(given.size).toBe(200);
  });

  test('stays over writes that leave it out, and is given back with the type', async () => {
    const first = nodePorts(await create('a', { type: 'NodePort' }));
    const written = await change('a', ({ spec }) => {
      delete spec!.ports![0]!.nodePort;
      spec!.selector = { app: 'a' };
    });
    expect(nodePorts(written)).toEqual(first);
    const inside = await change('a', ({ spec }) => void (spec!.type = 'ClusterIP'));
    expect(nodePorts(inside)).toEqual([undefined]);
    expect(inside.spec).not.toHaveProperty('externalTrafficPolicy');
    expect((await create('b', { type: 'NodePort', ports: [{ port: 80, nodePort: first[0] }] })).spec!.type).toBe('NodePort');
  });
});

test.each(['10.96.0.0', '10.96.0.1/16', '10.0.0.0/8', '10.0.0.0/25', 'fd00::/112', ''])(
  'a service block of %j is refused',
  async (serviceCidr) => {
    const map = { metadata: { name: 'cluster-settings', namespace: 'terrane-system' }, data: { serviceCidr } };
    const { message } = await refusal(cluster, (txn) => createResource(txn, 'ConfigMap', map, ctx));
    expect(message).toContain('data.serviceCidr');
  },
);

describe('the addresses of pods and those of Services are apart', () => {
  const network = (block: string) => ({ metadata: { name: 'default' }, spec: { network: block } });
  const settingsMap = (serviceCidr: string) => ({
    metadata: { name: 'cluster-settings', namespace: 'terrane-system' },
    data: { serviceCidr },
  });

  test('when the network is written', async () => {
    const { message } = await refusal(cluster, (txn) => createResource(txn, 'Network', network('10.0.0.0/8'), ctx));
    expect(message).toContain('spec.network: Invalid value: "10.0.0.0/8": overlaps the addresses of Services (10.96.0.0/16)');
    await settings({ serviceCidr: '172.30.0.0/16' });
    await inTxn(cluster, (txn) => createResource(txn, 'Network', network('10.0.0.0/8'), ctx));
  });

  test('when the settings are written', async () => {
    await inTxn(cluster, (txn) => createResource(txn, 'Network', network('172.30.0.0/16'), ctx));
    const { message } = await refusal(cluster, (txn) => createResource(txn, 'ConfigMap', settingsMap('172.30.1.0/24'), ctx));
    expect(message).toContain('data.serviceCidr: Invalid value: "172.30.1.0/24": overlaps the addresses of pods (172.30.0.0/16)');
    await inTxn(cluster, (txn) => createResource(txn, 'ConfigMap', settingsMap('172.31.0.0/16'), ctx));
    const again = await refusal(cluster, (txn) => {
      const stored = getResource(txn, 'ConfigMap', 'terrane-system', 'cluster-settings')!;
      return updateResource(txn, { ...stored, data: { serviceCidr: '172.30.0.0/20' } }, ctx);
    });
    expect(again.message).toContain('overlaps');
  });
});
