import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as z from 'zod';
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
