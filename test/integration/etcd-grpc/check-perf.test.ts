import { expect, test } from '@jest/globals';
import { run } from '../../e2e/support/installation.ts';
import { findEtcd, startEtcd } from '../etcd/debian-etcd.ts';
import { startOurs } from './our-etcd.ts';

const binary = await findEtcd();
const testWithEtcd = binary ? test : test.skip;

// A minute, by etcdctl's own clock; how fast a machine is isn't ours to promise here.
testWithEtcd(
  'etcdctl check perf: the same questions answered, and an exit code that agrees with the verdict',
  async () => {
    const theirs = await startEtcd(binary!);
    const ours = await startOurs();
    try {
      const checks = [theirs.url, ours.url].map((url) =>
        run('etcdctl', ['check', 'perf', '--load=s', '--prefix=perf/'], { env: { ETCDCTL_API: '3', ETCDCTL_ENDPOINTS: url } }),
      );
      const [expected, answered] = (await Promise.all(checks)).map(({ code, stdout }) => {
        const verdict = /^(PASS|FAIL)$/m.exec(stdout)?.[1];
        const exit = verdict === 'PASS' ? code === 0 : verdict === 'FAIL' && code !== 0;
        return { about: stdout.match(/Throughput|Slowest|Stddev/g), exit };
      });
      expect(answered).toEqual(expected);
      expect(answered).toEqual({ about: ['Throughput', 'Slowest', 'Stddev'], exit: true });
    } finally {
      await ours.stop();
      await theirs.stop();
    }
  },
  150_000,
);
