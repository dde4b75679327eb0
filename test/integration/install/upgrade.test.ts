import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Installation, installationAt, parseKeyValues } from '../../../agent/upgrade/installation.ts';
import { serviceFiles } from '../../../agent/upgrade/service-files.ts';
import { agentUpgrade, type AgentUpgradeOptions } from '../../../agent/upgrade/upgrade.ts';
import { type TestControlPlane, testControlPlane } from './control-plane.ts';
import { install, run } from './run-script.ts';

let plane: TestControlPlane;
let installation: Installation;
let before: string;
let sha256: string;

beforeEach(async () => {
  plane = await testControlPlane();
  const prefix = join(plane.directory, 'host');
  await plane.publish('1.0.0');
  expect((await install(plane, ['--prefix', prefix])).code).toBe(0);
  installation = installationAt(prefix);
  before = await readlink(installation.current);
  await plane.publish('1.1.0');
  sha256 = createHash('sha256')
    .update(await readFile(plane.archive()))
    .digest('hex');
});
afterEach(() => plane.stop());

const upgrade = (options: Partial<AgentUpgradeOptions> = {}) =>
  agentUpgrade({ installation, now: () => Date.now(), arm: async () => {}, restart: async () => {}, ...options });
/** The agent that the link leads to. */
const newAgent = async () =>
  upgrade({ installation: installationAt(installation.base, basename(await readlink(installation.current))) });
const toNew = (options?: Partial<AgentUpgradeOptions>) => upgrade(options).upgradeTo('1.1.0', plane.archive(), sha256);
/** What systemd does before it starts the agent. */
const start = async (...args: string[]) => {
  const ended = await run(installation.guard, args.length > 0 ? args : ['start']);
  expect(ended.code).toBe(0);
  return basename(await readlink(installation.current)).replace(/-.*/, '');
};
const agentStarts = async () => (await run(join(installation.current, 'bin/node'), ['--version'])).code === 0;

/** A process that dies where this is awaited. */
const dies = () => new Promise<never>(() => {});
const reaches = async (at: 'arm' | 'restart') => {
  await new Promise<void>((resolve) => {
    const here = () => {
      resolve();
      return dies();
    };
    void toNew({ [at]: here });
  });
};

describe('an upgrade', () => {
  test('switches to a checked version, and is done when the new agent is healthy', async () => {
    await toNew();
    expect(await start()).toBe('1.1.0');
    const next = await newAgent();
    expect(await next.pending()).toBe(true);
    await next.healthy();
    expect(await next.last()).toEqual({ version: '1.1.0', outcome: 'healthy', reason: '' });
    expect(await next.pending()).toBe(false);
    for (let again = 0; again < 5; again++) expect(await start()).toBe('1.1.0');
  });

  test('is undone when the new agent ends three times before it is healthy', async () => {
    await toNew();
    for (let starts = 1; starts <= 3; starts++) expect(await start()).toBe('1.1.0');
    expect(await start()).toBe('1.0.0');
    expect(await upgrade().last()).toMatchObject({
      version: '1.1.0',
      outcome: 'rolled-back',
      reason: 'ended 3 times before it was healthy',
    });
    await (await newAgent()).healthy();
    expect(await start()).toBe('1.0.0');
  });

  test('is not found good because the old agent, which has not ended yet, is answered by the control plane', async () => {
    await toNew();
    await upgrade({ installation: installationAt(installation.base, basename(before)) }).healthy();
    expect(await upgrade().pending()).toBe(true);
    await (await newAgent()).healthy();
    expect(await upgrade().pending()).toBe(false);
  });

  test('is undone also on a full disk, where nobody can write down why', async () => {
    await toNew();
    for (const file of [installation.result, installation.pending]) await mkdir(`${file}.new`);
    const { id } = parseKeyValues(await readFile(installation.pending, 'utf8'));
    expect(await start()).toBe('1.1.0');
    // Without systemd here, the restart that comes last fails.
    await run(installation.guard, ['deadline', id!]);
    expect(basename(await readlink(installation.current))).toMatch(/^1\.0\.0-/);
    expect(existsSync(installation.pending)).toBe(false);
  });

  test('is undone at a start after its time is over, as after a reboot that took the timer along', async () => {
    await toNew({ now: () => Date.now() - 3_600_000 });
    expect(await start()).toBe('1.0.0');
    expect(await upgrade().last()).toMatchObject({ outcome: 'rolled-back', reason: 'was not healthy in time' });
  });

  test('is not undone by the timer of an earlier one', async () => {
    await toNew();
    expect(await start('deadline', '12345')).toBe('1.1.0');
    expect(await upgrade().pending()).toBe(true);
  });

  test('leaves one version back and no other', async () => {
    await mkdir(join(installation.versions, '0.9.0-000000000000'));
    await toNew();
    expect((await readdir(installation.versions)).map((name) => name.replace(/-.*/, '')).sort()).toEqual(['1.0.0', '1.1.0']);
  });
});

/** As on a host with systemd, but for systemd itself. */
describe('the files of the service', () => {
  let unit: string;
  const asService = async () => {
    // As install.sh writes it down where systemd runs.
    unit = join(plane.directory, 'terrane-agent.service');
    const values = await readFile(installation.values, 'utf8');
    await writeFile(installation.values, values.replace(/^unit=.*$/m, `unit=${unit}`));
    await writeFile(installation.guard, (await readFile(installation.guard, 'utf8')).replace("UNIT=''", `UNIT='${unit}'`));
    await writeFile(unit, await filled(before, 'terrane-agent.service'));
  };
  const filled = async (version: string, name: string) => {
    const values = { ...parseKeyValues(await readFile(installation.values, 'utf8')), base: installation.base };
    const template = await readFile(join(version, 'share', name), 'utf8');
    return template.replace(/@([A-Z]+)@/g, (_, key: string) => (values as Record<string, string>)[key.toLowerCase()]!);
  };
  const publish = async (share: (text: string) => string) => {
    await plane.publish('1.1.0', { share });
    sha256 = createHash('sha256')
      .update(await readFile(plane.archive()))
      .digest('hex');
  };
  const newer = (text: string) => `${text}# 1.1.0\n`;
  const files = (reload = async () => {}) => ({ files: serviceFiles(installation, reload) });
  const uninstall = () => readFile(join(installation.base, 'uninstall.sh'), 'utf8');
  const guard = () => readFile(installation.guard, 'utf8');

  test('install.sh writes down what they are filled with, as it filled them', async () => {
    expect(await filled(before, 'uninstall.sh')).toBe(await uninstall());
    expect(await filled(before, 'upgrade-guard.sh')).toBe(await guard());
  });

  test('come with the program: its unit file at once, guard and uninstall.sh when it is found good', async () => {
    await publish(newer);
    await asService();
    await toNew(files());
    expect(await readFile(unit, 'utf8')).toMatch(/^ExecStart=\/.*terrane-agent --server [^]*# 1\.1\.0\n$/m);
    expect([await guard(), await uninstall()].join('\n')).not.toContain('# 1.1.0');
    expect(await start()).toBe('1.1.0');
    await (await newAgent()).healthy();
    for (const [name, text] of [
      ['upgrade-guard.sh', await guard()],
      ['uninstall.sh', await uninstall()],
    ] as const)
      expect([text, text.endsWith('# 1.1.0\n')]).toEqual([await filled(installation.current, name), true]);
    expect(await start()).toBe('1.1.0');
  });

  test('go back with the program', async () => {
    await publish(newer);
    await asService();
    const old = await readFile(unit, 'utf8');
    await toNew(files());
    expect(await readFile(unit, 'utf8')).not.toBe(old);
    for (let starts = 1; starts <= 3; starts++) await start();
    expect(await start()).toBe('1.0.0');
    expect(await readFile(unit, 'utf8')).toBe(old);
    await (await newAgent()).healthy();
    expect(await uninstall()).toBe(await filled(before, 'uninstall.sh'));
  });

  test('go back when the agent was killed before the link was moved', async () => {
    await publish(newer);
    await asService();
    const old = await readFile(unit, 'utf8');
    await new Promise<void>((resolve) => {
      void toNew(
        files(() => {
          resolve();
          return dies();
        }),
      );
    });
    expect(await readFile(unit, 'utf8')).not.toBe(old);
    expect(await start()).toBe('1.0.0');
    expect(await readFile(unit, 'utf8')).toBe(old);
  });

  test('nothing is switched if systemd can not load the unit file', async () => {
    await publish(newer);
    await asService();
    const old = await readFile(unit, 'utf8');
    const broken = files(() => Promise.reject(new Error('its state is bad-setting')));
    await expect(toNew(broken)).rejects.toThrow(/could not be switched to 1\.1\.0: systemd does not take its unit file/);
    expect([await readlink(installation.current), await readFile(unit, 'utf8')]).toEqual([before, old]);
    expect(existsSync(installation.pending)).toBe(false);
  });

  test('nothing is switched if the link can not be moved: the unit file is the old one again, and systemd knows', async () => {
    await publish(newer);
    await asService();
    const old = await readFile(unit, 'utf8');
    const read: string[] = [];
    const reload = async () => void read.push(await readFile(unit, 'utf8'));
    // In the way of the link that takes its place.
    await mkdir(join(`${installation.current}.new`, 'full'), { recursive: true });
    await expect(toNew(files(reload))).rejects.toThrow(/could not be switched to 1\.1\.0/);
    expect([await readlink(installation.current), await readFile(unit, 'utf8')]).toEqual([before, old]);
    expect(read).toEqual([newer(old), old]);
    expect(existsSync(installation.pending)).toBe(false);
  });

  test.each([
    ['a unit file that somebody has changed by hand', (text: string) => text, true],
    ['one that asks for what nobody has written down', (text: string) => `${text}# @UNHEARD@\n`, false],
  ])('%s stays, and the program is upgraded all the same', async (_, change, byHand) => {
    await publish((text) => newer(change(text)));
    await asService();
    const mine = `${await readFile(unit, 'utf8')}${byHand ? '# mine\n' : ''}`;
    await writeFile(unit, mine);
    await toNew(files());
    expect([await start(), await readFile(unit, 'utf8')]).toEqual(['1.1.0', mine]);
    await run(installation.guard, ['deadline', parseKeyValues(await readFile(installation.pending, 'utf8'))['id']!]);
    expect([await start(), await readFile(unit, 'utf8')]).toEqual(['1.0.0', mine]);
  });
});

describe('an agent killed in the middle of an upgrade leaves one that starts', () => {
  test('while it unpacks: the old one, and the next try succeeds', async () => {
    await mkdir(join(installation.versions, `.new.${process.pid}`, 'bin'), { recursive: true });
    expect(await start()).toBe('1.0.0');
    await toNew();
    expect(await start()).toBe('1.1.0');
  });

  test('before the link is moved: the old one, and it is known that nothing came of it', async () => {
    await reaches('arm');
    expect(await start()).toBe('1.0.0');
    expect(await agentStarts()).toBe(true);
    expect(await upgrade().last()).toMatchObject({ version: '1.1.0', outcome: 'not-begun' });
    expect(await upgrade().pending()).toBe(false);
  });

  test('after the link is moved: the new one, which is watched', async () => {
    await reaches('restart');
    expect(await start()).toBe('1.1.0');
    expect(await agentStarts()).toBe(true);
    expect(await upgrade().pending()).toBe(true);
  });
});

describe('refused, with nothing changed', () => {
  const refused = async (message: RegExp, attempt: Promise<void>) => {
    await expect(attempt).rejects.toThrow(message);
    expect(await readlink(installation.current)).toBe(before);
    expect(existsSync(installation.pending)).toBe(false);
    expect((await readdir(installation.versions)).map((name) => name.replace(/-.*/, ''))).toEqual(['1.0.0']);
  };

  test('an archive with another checksum, or none at all', async () => {
    await refused(/checksum is [0-9a-f]{64}, not/, upgrade().upgradeTo('1.1.0', plane.archive(), '0'.repeat(64)));
    await refused(/can't be read/, upgrade().upgradeTo('1.1.0', join(plane.directory, 'none'), sha256));
  });

  test('what is no agent', async () => {
    const other = join(plane.directory, 'other');
    await writeFile(other, 'no archive');
    const hash = createHash('sha256').update('no archive').digest('hex');
    await refused(/can't be installed/, upgrade().upgradeTo('1.1.0', other, hash));
  });

  test('a runtime that does not start here', async () => {
    await plane.publish('1.1.0', { runtime: '#!/no/such/loader\n' });
    const hash = createHash('sha256')
      .update(await readFile(plane.archive()))
      .digest('hex');
    await refused(/can't be installed/, upgrade().upgradeTo('1.1.0', plane.archive(), hash));
  });

  test('a version that would be a path', async () => {
    await refused(/is no version/, upgrade().upgradeTo('../../etc', plane.archive(), sha256));
  });

  test('a second one before the first is found good', async () => {
    await toNew();
    await expect(upgrade().upgradeTo('1.2.0', plane.archive(), sha256)).rejects.toThrow(/another upgrade/);
  });

  test('a timer that can not be set: without a way back nothing is switched', async () => {
    await expect(toNew({ arm: () => Promise.reject(new Error('no systemd-run')) })).rejects.toThrow(/could not be switched/);
    expect(await readlink(installation.current)).toBe(before);
    expect(existsSync(installation.pending)).toBe(false);
  });
});

test('uninstall.sh takes what an upgrade left along', async () => {
  await toNew();
  const { result, pending, guard, base } = installation;
  for (const file of [result, pending, guard, join(base, 'uninstall.sh')]) await writeFile(`${file}.new`, 'half of it');
  await rm(join(installation.base, 'data'), { recursive: true, force: true });
  expect((await run(join(installation.base, 'uninstall.sh'), ['--purge'])).code).toBe(0);
  expect(existsSync(installation.base)).toBe(false);
});
