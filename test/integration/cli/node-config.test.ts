import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
import { joinService } from '../../../core/provisioning/join-service.ts';
import { PLATFORMS } from '../../../core/provisioning/platforms.ts';
import { present } from '../../../bin/machine/packages.ts';
import { type TestTerrane, testTerrane } from './support.ts';

let terrane: TestTerrane;
beforeEach(async () => {
  terrane = await testTerrane();
});
afterEach(() => terrane.stop());

const config = (platform: string, format: string, ...more: string[]) =>
  terrane.run(['node', 'config', '--platform', platform, '--format', format, ...more]);

/**
 * What Ignition's specification 3.3 knows of the parts that we use, written down from its text
 * (https://coreos.github.io/ignition/configuration-v3_3/). Stricter than Ignition: a field that it doesn't know is an error here.
 */
const resource = z.strictObject({
  source: z.string().regex(/^(data:|https?:\/\/)/),
  compression: z.enum(['', 'gzip']).optional(),
  verification: z.strictObject({ hash: z.string().regex(/^sha(512|256)-[0-9a-f]+$/) }).optional(),
});
const ignitionSchema = z.strictObject({
  ignition: z.strictObject({ version: z.literal('3.3.0') }),
  storage: z.strictObject({
    files: z.array(
      z.strictObject({
        path: z.string().startsWith('/'),
        overwrite: z.boolean().optional(),
        // Decimal, and no bits above the permissions.
        mode: z.number().int().min(0).max(0o777).optional(),
        contents: resource.optional(),
      }),
    ),
  }),
  systemd: z.strictObject({
    units: z.array(
      z.strictObject({
        name: z.string().regex(/\.(service|socket|target|timer|mount|path)$/),
        enabled: z.boolean().optional(),
        mask: z.boolean().optional(),
        contents: z.string().optional(),
      }),
    ),
  }),
});

describe('node config', () => {
  test('--format ignition prints what the specification allows, for every platform', async () => {
    for (const platform of PLATFORMS) {
      const { code, stdout } = await config(platform, 'ignition');
      expect(code).toBe(0);
      const { storage, systemd } = ignitionSchema.parse(JSON.parse(stdout));
      const paths = [...storage.files.map(({ path }) => path), ...systemd.units.map(({ name }) => `/etc/systemd/system/${name}`)];
      // Ignition refuses two of the same.
      expect(new Set(paths).size).toBe(paths.length);
    }
  });

  const withIgnition = present('ignition-validate') ? test : test.skip;
  if (withIgnition === test.skip) console.warn("skipped the check of Ignition documents: it takes Debian's ignition");
  withIgnition(
    "--format ignition prints what Ignition's own validator finds nothing to say about, for every platform",
    async () => {
      const validate = (document: string) => spawnSync('ignition-validate', ['-'], { encoding: 'utf8', input: document });
      for (const platform of PLATFORMS) {
        const { stdout } = await config(platform, 'ignition');
        expect(validate(stdout)).toMatchObject({ status: 0, stdout: '', stderr: '' });
      }
      expect(validate('{"ignition": {"version": "3.3.0"}, "systemd": {"units": [{"name": "a"}]}}').status).not.toBe(0);
      expect(validate('{"ignition": {"version": "3.3.0"}, "other": 1}').stdout).toContain('other');
    },
  );

  const withCloudInit = present('cloud-init') ? test : test.skip;
  if (withCloudInit === test.skip) console.warn("skipped the check of cloud-init documents: it takes Debian's cloud-init");
  withCloudInit("--format cloud-init prints what cloud-init's own schema command finds valid, for every platform", async () => {
    const files = await Promise.all(
      PLATFORMS.map(async (platform) => {
        const { code, stdout } = await config(platform, 'cloud-init');
        expect(code).toBe(0);
        // What EC2 takes at most.
        expect(Buffer.byteLength(stdout)).toBeLessThan(16_384);
        const file = join(terrane.directory, `${platform}.yaml`);
        await writeFile(file, stdout);
        return file;
      }),
    );
    for (const file of files) {
      const { status, stdout, stderr } = spawnSync('cloud-init', ['schema', '--config-file', file], { encoding: 'utf8' });
      expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: expect.stringContaining('Valid cloud-config') });
    }
    await writeFile(files[0]!, '#cloud-config\nwrite_files: 3\n');
    expect(spawnSync('cloud-init', ['schema', '--config-file', files[0]!]).status).not.toBe(0);
  });

  test('the script in it is one that sh and shellcheck find nothing wrong with', async () => {
    for (const platform of PLATFORMS) {
      const { stdout } = await config(platform, 'ignition');
      const [file] = ignitionSchema.parse(JSON.parse(stdout)).storage.files;
      const script = join(terrane.directory, 'join.sh');
      await writeFile(script, Buffer.from(file!.contents!.source.split(',')[1]!, 'base64'));
      expect(spawnSync('shellcheck', [script], { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '' });
    }
  });

  describe('run at the first boot, the script', () => {
    /** With a network as this says, and all that it would take away told instead. */
    const boot = (platform: (typeof PLATFORMS)[number], curl: string, joinLine: string) => {
      const { content } = joinService({ platform, joinLine }).script;
      const around = `rm() { echo "removed $*"; }\ncurl() { ${curl}; }\n`;
      return spawnSync('sh', ['-c', around + content], { encoding: 'utf8' });
    };

    test('stays for another try whatever part of joining fails', () => {
      for (const line of ['false && sh -c true', 'true && false && true', 'true && sh -c "exit 3"', 'f=$(false) && true']) {
        const { status, stdout } = boot('vm', 'return 7', line);
        expect({ line, failed: status !== 0, stdout }).toEqual({ line, failed: true, stdout: '' });
      }
      expect(boot('vm', 'return 7', 'true && sh -c true')).toMatchObject({
        status: 0,
        stdout: expect.stringMatching(/^removed .*terrane-join/),
      });
    });

    test('joins by what the platform calls the machine, with nothing in it that install.sh would refuse, or else by the host name', () => {
      const name = 'echo "[$TERRANE_NAME]" && true';
      const told =
        '{"uuid": "1", "keys": [{"name": "mine"}], "hostname": "h", "name": "Our \\u00fc db_1 (old)", "launch_index": 0}';
      expect(boot('openstack', `echo '${told}'`, name).stdout).toMatch(/^\[[A-Za-z0-9.-]*-db-1-old-\]\n/);
      expect(boot('ec2', 'echo i-0123456789abcdef0', name).stdout).toMatch(/^\[i-0123456789abcdef0\]\n/);
      for (const platform of PLATFORMS)
        expect(boot(platform, 'return 28', `export TERRANE_NAME; TERRANE_NAME=\${TERRANE_NAME-}; ${name}`).stdout).toMatch(
          /^\[\]\n/,
        );
    });
  });

  test('makes a token for as many machines and as long as asked, a day and one by default', async () => {
    await config('gce', 'cloud-init', '--uses', '20', '--expires', '7d');
    expect(terrane.requests).toContain('POST /v1/tokens {"kind":"join","cluster":"x","expiresIn":604800,"uses":20}');
    const { stderr } = await config('gce', 'cloud-init');
    expect(terrane.requests).toContain('POST /v1/tokens {"kind":"join","cluster":"x","expiresIn":86400,"uses":1}');
    expect(stderr).toContain('Good for one machine');
  });

  test('what can not work is refused before a token is made', async () => {
    const refused = async (message: RegExp, ...args: Parameters<typeof config>) => {
      const { code, stdout, stderr } = await config(...args);
      expect(stderr).toMatch(message);
      expect(stdout).toBe('');
      expect(code).not.toBe(0);
      expect(terrane.requests.filter((request) => request.startsWith('POST /v1/tokens'))).toEqual([]);
    };
    await refused(/--name is for one machine/, 'vm', 'ignition', '--name', 'a', '--uses', '2');
    await refused(/is no node name/, 'vm', 'ignition', '--name', "it's");
    await refused(/choices|Allowed/i, 'mainframe', 'ignition');
    await refused(/choices|Allowed/i, 'vm', 'kickstart');
    terrane.info = { ...terrane.info, url: 'https://127.0.0.1:7443' };
    await refused(/answers on this machine only/, 'vm', 'ignition');
  });
});
