import { describe, expect, test } from '@jest/globals';
import { cloudConfig } from './cloud-config.ts';
import { ignitionConfig } from './ignition.ts';
import { joinService } from './join-service.ts';
import { PLATFORMS } from './platforms.ts';

const LINE = 'f=$(mktemp) && TERRANE_TOKEN=trn_join_x sh "$f"';

describe('the script of a first boot', () => {
  test('takes the name that was asked for, else what the platform calls the machine, else the host name', () => {
    const script = (platform: (typeof PLATFORMS)[number], name?: string) =>
      joinService({ platform, joinLine: LINE, name }).script.content;
    expect(script('ec2', 'db-1')).toContain("TERRANE_NAME='db-1'\nexport TERRANE_NAME\n");
    expect(script('ec2', 'db-1')).not.toContain('169.254');
    expect(script('ec2')).toContain('X-aws-ec2-metadata-token');
    expect(script('azure')).toContain("'Metadata: true'");
    expect(script('gce')).toContain("'Metadata-Flavor: Google'");
    expect(script('openstack')).toContain('meta_data.json');
    for (const platform of ['bare-metal', 'vm'] as const) expect(script(platform)).not.toContain('TERRANE_NAME');
  });

  test('takes itself and the token away only after the machine has joined', () => {
    for (const platform of PLATFORMS) {
      const lines = joinService({ platform, joinLine: LINE }).script.content.trimEnd().split('\n');
      expect(lines[2]).toBe('set -eu');
      expect(lines.slice(-4, -1)).toEqual(['{', LINE, '} || exit']);
      expect(lines.at(-1)).toMatch(/^rm -f \/etc\/terrane-join\.sh /);
    }
  });
});

test('the service tries again until it is refused for good, and is one that old systemd versions load', () => {
  const { content } = joinService({ platform: 'vm', joinLine: LINE }).unit;
  expect(content).toMatch(/^Restart=on-failure\n/m);
  expect(content).toMatch(/^RestartPreventExitStatus=78\n/m);
  // Only since systemd 244 may a oneshot service have Restart=.
  expect(content).not.toMatch(/oneshot/);
});

describe('the documents', () => {
  const service = joinService({ platform: 'vm', joinLine: LINE });

  test('put the script, which only root may read, and an enabled unit where systemd finds them', () => {
    const ignition = JSON.parse(ignitionConfig(service)) as {
      storage: { files: { path: string; mode: number; contents: { source: string } }[] };
      systemd: { units: { name: string; enabled: boolean; contents: string }[] };
    };
    const [file] = ignition.storage.files;
    expect(file).toMatchObject({ path: '/etc/terrane-join.sh', mode: 0o700 });
    expect(Buffer.from(file!.contents.source.replace('data:;base64,', ''), 'base64').toString()).toBe(service.script.content);
    expect(ignition.systemd.units).toEqual([{ name: 'terrane-join.service', enabled: true, contents: service.unit.content }]);

    const { write_files: files, runcmd } = cloudConfig(service) as {
      write_files: { path: string; permissions: string; content: string }[];
      runcmd: string[][];
    };
    expect(files[0]).toMatchObject({ path: '/etc/terrane-join.sh', permissions: '0700', content: service.script.content });
    expect(files[1]).toMatchObject({ path: '/etc/systemd/system/terrane-join.service', content: service.unit.content });
    expect(runcmd).toContainEqual(['systemctl', 'enable', 'terrane-join.service']);
  });
});
