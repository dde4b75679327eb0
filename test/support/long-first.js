import { statSync } from 'node:fs';

/**
 * Jest sequencer of `npm test`: files that are known to take long come first, then the larger ones, so that at the end no worker waits
 * for one that began last. An entry that names no file does no harm, and a file that is missing here comes a little late.
 */
const LONG = [
  'e2e/fleet',
  'e2e/two-hosts',
  'e2e/host-lifecycle',
  'e2e/fencing',
  'e2e/console-units',
  'e2e/demo',
  'etcd-grpc/check-perf',
  'network/vxlan',
  'agent/agent-life',
  'network/flannel',
  'kubectl/writing',
  'network/wireguard',
  'updates/rollout',
  'agent/pods',
  'kubectl/reading',
  'agent/containers',
  'services/cluster',
  'systemd/units',
  'systemd/fence-guard',
  'names/names',
  'updates/rauc',
  'services/policies',
  'kv/host-kv',
  'hosted/story',
  'sim/kv/kv',
  'sim/cluster/cluster',
  'lib/service-stack',
  'updates/create-updates',
];

const rank = ({ path }) => {
  const at = LONG.findIndex((name) => path.endsWith(`/${name}.test.ts`));
  return at === -1 ? LONG.length : at;
};

export default class LongFirst {
  sort(tests) {
    const sizes = new Map(tests.map(({ path }) => [path, statSync(path).size]));
    return tests.toSorted((a, b) => rank(a) - rank(b) || sizes.get(b.path) - sizes.get(a.path));
  }

  shard(tests, { shardIndex, shardCount }) {
    return tests.filter((_, index) => index % shardCount === shardIndex - 1);
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}
