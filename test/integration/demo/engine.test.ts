import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { removeDirectory } from '../../../bin/machine/remove-directory.ts';
import { canRunDockerd } from '../../support/dockerd.ts';
import { makeNamespace, removeNamespaces } from '../../support/netlab/namespaces.ts';

(canRunDockerd() ? describe : describe.skip)('an engine of the demo', () => {
  let dir: string;
  let netns: string;
  beforeEach(() => {
    dir = mkdtempSync('/tmp/trn-engine-');
    netns = dir.split('/').at(-1)!;
    makeNamespace(netns);
  });
  afterEach(async () => {
    await removeNamespaces([netns]);
    removeDirectory(dir);
  });

  test("starts whatever the machine's own daemon.json says", () => {
    writeFileSync(join(dir, 'daemon.json'), JSON.stringify({ hosts: ['tcp://192.0.2.1:1'], 'no-such-option': true }));
    const module = JSON.stringify(join(import.meta.dirname, '../../../bin/machine/engine.ts'));
    const script = `import { findOrStartEngine } from ${module};
      const quiet = () => undefined;
      const engine = await findOrStartEngine(${JSON.stringify(`${dir}/engine`)}, { say: quiet, starting: quiet, started: quiet });
      console.log(engine.version);
      process.kill(engine.pid, 'SIGTERM');`;
    // In a mount namespace of its own the file is where dockerd looks for it by itself.
    const run = `mkdir -p /etc/docker
      mount -t tmpfs tmpfs /etc/docker
      cp ${dir}/daemon.json /etc/docker/
      exec ${process.execPath} --import tsx --input-type=module -e "$1"`;
    const version = execFileSync(
      'nsenter',
      [
        `--net=/run/netns/${netns}`,
        'unshare',
        '--mount',
        '--pid',
        '--fork',
        '--kill-child',
        '--mount-proc',
        'sh',
        '-ec',
        run,
        'sh',
        script,
      ],
      { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '', DOCKER_HOST: `unix://${dir}/none.sock` } },
    );
    expect(version).toMatch(/^\d+\.\d+/);
  }, 120_000);
});
