import { describe, expect, test } from '@jest/globals';
import type { PodSpec } from '../../core/resources/schema/pod.ts';
import { pod } from '../testing/pods.ts';
import { dnsSettings, type HostNames } from './dns-config.ts';

const host: HostNames = {
  cluster: { server: '10.244.3.1', domain: 'cluster.local' },
  servers: ['192.0.2.53'],
  search: ['corp.example'],
};
const settingsOf = (spec: Partial<PodSpec> = {}, of: HostNames = host) => dnsSettings(pod('web', spec), of);
const { namespace } = pod('web').metadata;

const CLUSTER = {
  Dns: ['10.244.3.1'],
  DnsSearch: [`${namespace}.svc.cluster.local`, 'svc.cluster.local', 'cluster.local', 'corp.example'],
  DnsOptions: ['ndots:5'],
};

describe('a container resolves names', () => {
  test("by its host's name server, its own namespace first", () => {
    expect(settingsOf()).toEqual(CLUSTER);
    expect(settingsOf({ dnsPolicy: 'ClusterFirst' })).toEqual(CLUSTER);
  });

  test("as its host does on the host's network, unless it asks for the cluster there", () => {
    expect(settingsOf({ hostNetwork: true })).toEqual({});
    expect(settingsOf({ hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' })).toEqual(CLUSTER);
  });

  test('as its host does with the policy Default, and where the cluster has no network', () => {
    expect(settingsOf({ dnsPolicy: 'Default' })).toEqual({});
    expect(settingsOf({}, { ...host, cluster: undefined })).toEqual({});
  });

  test('in its own way only with the policy None', () => {
    expect(settingsOf({ dnsPolicy: 'None', dnsConfig: { nameservers: ['198.51.100.1'] } })).toEqual({
      Dns: ['198.51.100.1'],
      DnsSearch: ['.'],
    });
    expect(
      settingsOf({
        dnsPolicy: 'None',
        dnsConfig: { nameservers: ['198.51.100.1'], searches: ['a.example'], options: [{ name: 'edns0' }] },
      }),
    ).toEqual({ Dns: ['198.51.100.1'], DnsSearch: ['a.example'], DnsOptions: ['edns0'] });
  });

  test('with what is added to the policy: its own options count, and at most three name servers', () => {
    const dnsConfig = {
      nameservers: ['198.51.100.1', '198.51.100.2', '198.51.100.3'],
      searches: ['a.example', 'cluster.local'],
      options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
    };
    expect(settingsOf({ dnsConfig })).toEqual({
      Dns: ['10.244.3.1', '198.51.100.1', '198.51.100.2'],
      DnsSearch: [...CLUSTER.DnsSearch, 'a.example'],
      DnsOptions: ['ndots:2', 'edns0'],
    });
    expect(settingsOf({ dnsPolicy: 'Default', dnsConfig: { searches: ['a.example'] } })).toEqual({
      DnsSearch: ['corp.example', 'a.example'],
    });
    expect(settingsOf({ dnsPolicy: 'Default', dnsConfig: { nameservers: ['198.51.100.1'] } })).toEqual({
      Dns: ['192.0.2.53', '198.51.100.1'],
    });
  });
});
