import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { OfferedUpdate } from '../../../core/updates/agent-protocol.ts';
import { selfDriver } from '../../../agent/updates/self/self-driver.ts';
import { type Installation, installationAt } from '../../../agent/upgrade/installation.ts';
import { agentUpgrade } from '../../../agent/upgrade/upgrade.ts';
import { type TestControlPlane, testControlPlane } from '../install/control-plane.ts';
import { install, run } from '../install/run-script.ts';

/** The agent's own channel, over what install.sh installs and the guard beside it. `start` is what systemd does before each start. */

let plane: TestControlPlane;
let installation: Installation;
let update: OfferedUpdate;
const signal = new AbortController().signal;

beforeEach(async () => {
  plane = await testControlPlane();
  await plane.publish('1.0.0');
  const prefix = join(plane.directory, 'host');
  expect((await install(plane, ['--prefix', prefix])).code).toBe(0);
  installation = installationAt(prefix);
  await plane.publish('1.1.0');
  const archive = await readFile(plane.archive());
  const sha256 = createHash('sha256').update(archive).digest('hex');
  const name = basename(plane.archive());
  update = {
    package: 'agent-1.1.0',
    version: '1.1.0',
    url: `${plane.url}/artifacts/`,
    files: [{ name, size: archive.length, sha256 }],
  };
});
afterEach(() => plane.stop());

const agent = (version: string) => {
  const running = readdirSync(installation.versions).find((name) => name.startsWith(`${version}-`));
  const own = installationAt(installation.base, running);
  return selfDriver({
    installed: {
      installation: own,
      upgrade: agentUpgrade({ installation: own, now: () => Date.now(), arm: async () => {}, restart: async () => {} }),
    },
    version,
    folder: join(plane.directory, 'updates'),
    ca: undefined,
  });
};
const start = async () => {
  expect((await run(installation.guard, ['start'])).code).toBe(0);
  return basename(await readlink(installation.current)).replace(/-.*/, '');
};
async function switched(): Promise<void> {
  const old = agent('1.0.0');
  expect(await old.problem()).toBeUndefined();
  await old.check(update);
  await old.download(update, signal);
  await old.stage(update, signal);
  expect(await old.activate(update, signal)).toBe('restart');
}

describe("the agent's own update", () => {
  test('is downloaded from its channel, switched to, and kept once it is well', async () => {
    await switched();
    expect(await start()).toBe('1.1.0');
    const next = agent('1.1.0');
    // Killed and started again: it runs already.
    expect(await next.activate(update, signal)).toBe('running');
    await next.confirm(update);
    await next.discard(update);
    for (let again = 0; again < 5; again++) expect(await start()).toBe('1.1.0');
  });

  test('that is not well goes back, also after it has reached the control plane', async () => {
    await switched();
    expect(await start()).toBe('1.1.0');
    const next = agent('1.1.0');
    await next.confirm(update);
    expect(await next.rollback(update)).toBe('restart');
    expect(await start()).toBe('1.0.0');
    expect(await agent('1.0.0').rollback(update)).toBe('running');
  });

  test('that does not start is taken back by the guard, and the old agent knows why', async () => {
    await switched();
    for (let starts = 1; starts <= 3; starts++) expect(await start()).toBe('1.1.0');
    expect(await start()).toBe('1.0.0');
    const old = agent('1.0.0');
    expect(await old.explain?.()).toBe('1.1.0 ended 3 times before it was healthy');
    expect(await old.rollback(update)).toBe('running');
    // And when its channel names it once more, it is tried once more.
    expect(await old.activate(update, signal)).toBe('restart');
  });

  test('is for agents that install.sh has installed as a service', async () => {
    const loose = selfDriver({ installed: undefined, version: '1.0.0', folder: '/nowhere', ca: undefined });
    expect(await loose.problem()).toContain('not installed by install.sh');
    await expect(agent('1.0.0').check({ ...update, files: [] })).rejects.toThrow('none for the agent');
  });
});
