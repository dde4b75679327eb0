import { createInterface } from 'node:readline';
import { startDns } from '../../../agent/dns/start-dns.ts';
import { networkDoctor } from '../../../agent/doctor/network-doctor.ts';
import type { AssignedNetwork } from '../../../core/network/assigned-network.ts';
import { gatewayOf } from '../../../core/network/names.ts';
import { silentLogger } from '../../../core/ports/logger.ts';
import { fakeUpstream } from '../dns/fake-upstream.ts';

/**
 * The doctor and the name server of an agent, alone in a network namespace: node --import tsx doctor-host.ts NODE RESOLV_CONF [UPSTREAM].
 * A line on standard input is the network that is assigned, as JSON; what is found is a line on standard output. With UPSTREAM it is also
 * a name server of the outside.
 */
const [node = '', resolvConf = '', upstream] = process.argv.slice(2);
if (upstream) await fakeUpstream(upstream, 53);
const signal = new AbortController().signal;
const kv = { call: () => Promise.reject(new Error('there is none here')) };
const dns = await startDns({ kv, log: silentLogger, elapsed: () => performance.now(), signal, resolvConf });
let assigned: AssignedNetwork | undefined;
const doctor = networkDoctor({ node, assigned: () => assigned, clockAheadMs: () => 0, dns: () => dns.facts() });

process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  assigned = JSON.parse(line) as AssignedNetwork;
  dns.serve({
    address: gatewayOf(assigned.subnet!),
    network: assigned.network,
    domain: assigned.clusterDomain,
    services: [],
    skydnsDomains: [],
    revision: 1,
  });
  process.stdout.write(`${JSON.stringify(await doctor())}\n`);
}
process.exit(0);
