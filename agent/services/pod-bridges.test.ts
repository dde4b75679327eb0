import { expect, test } from '@jest/globals';
import { bridgesIn } from './pod-bridges.ts';

test("bridges of pods are those of the cluster's network and Docker's own, each with its hardware address; others are left alone", () => {
  const link = (ifname: string, local: string) => ({
    ifname,
    address: '02:42:b9:c2:5d:36',
    addr_info: [
      { family: 'inet', local, prefixlen: 24 },
      { family: 'inet6', local: 'fe80::1', prefixlen: 64 },
    ],
  });
  expect(
    bridgesIn([
      link('trn-0af45500', '10.244.85.1'),
      link('docker0', '172.17.0.1'),
      link('br-0123', '172.18.0.1'),
      { ifname: 'trn-0af40000', address: '02:42:b9:c2:5d:37', addr_info: [] },
      // What -4 and filters leave of others.
      {},
    ]),
  ).toEqual([
    { name: 'trn-0af45500', mac: '02:42:b9:c2:5d:36', subnet: '10.244.85.0/24' },
    { name: 'docker0', mac: '02:42:b9:c2:5d:36', subnet: '172.17.0.0/24' },
  ]);
});
