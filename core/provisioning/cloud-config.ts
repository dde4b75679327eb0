import type { JoinService } from './join-service.ts';

/**
 * A cloud-config document, which cloud-init carries out at the first boot. As an object: whoever prints it writes YAML, below
 * the line that cloud-init knows it by. https://cloudinit.readthedocs.io/en/latest/reference/modules.html
 */
export function cloudConfig({ script, unit }: JoinService): Record<string, unknown> {
  return {
    // Debian's and Ubuntu's names.
    package_update: true,
    packages: ['curl', 'docker.io', 'nftables'],
    write_files: [
      { path: script.path, permissions: '0700', owner: 'root:root', content: script.content },
      { path: `/etc/systemd/system/${unit.name}`, permissions: '0644', owner: 'root:root', content: unit.content },
    ],
    runcmd: [
      ['systemctl', 'daemon-reload'],
      ['systemctl', 'enable', unit.name],
      ['systemctl', 'start', '--no-block', unit.name],
    ],
  };
}

export const CLOUD_CONFIG_HEADER = '#cloud-config\n';
