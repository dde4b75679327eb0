import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

export const HOST_IMAGE = 'terrane.test/systemd-host:1';

/**
 * What of a host is its own. /usr isn't: it is this machine's, mounted read-only, so that the image is small and made in a second,
 * and the host runs the Debian packages that are installed here. (A host whose /usr is read-only is what Flatcar's are.)
 */
const COPIED = [
  'alternatives',
  'ssl/certs',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'nsswitch.conf',
  'debian_version',
  'protocols',
  'services',
  'login.defs',
];

const ENABLED = ['docker.service', 'containerd.service'];

/** Units that would change the machine below all of the hosts (sysctl, modules, devices), or wait for something that isn't there. */
const MASKED = [
  'systemd-sysctl.service',
  'systemd-modules-load.service',
  'systemd-udevd.service',
  'systemd-udev-trigger.service',
  'systemd-udevd-control.socket',
  'systemd-udevd-kernel.socket',
  'systemd-binfmt.service',
  'systemd-firstboot.service',
  'systemd-random-seed.service',
  'kmod-static-nodes.service',
  'proc-sys-fs-binfmt_misc.automount',
  'sys-kernel-config.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-tracing.mount',
  'dev-hugepages.mount',
  'getty.target',
  'console-getty.service',
  'systemd-logind.service',
];

/** Imports the image into the engine at `socket`. */
export async function importHostImage(socket: string): Promise<void> {
  const root = mkdtempSync('/tmp/trn-host-image-');
  const archive = `${root}.tar`;
  try {
    layOut(root);
    await promisify(execFile)('tar', ['-C', root, '--owner=0', '--group=0', '-cf', archive, '.']);
    const change = ['-c', 'CMD ["/host-init"]', '-c', 'ENV container=docker'];
    await promisify(execFile)('docker', ['-H', `unix://${socket}`, 'import', ...change, archive, HOST_IMAGE]);
  } finally {
    rmSync(archive, { force: true });
    rmSync(root, { recursive: true, force: true });
  }
}

function layOut(root: string): void {
  const write = (path: string, content: string, mode = 0o644) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
  };
  for (const directory of [
    'usr',
    'var/lib',
    'var/log/journal',
    'var/tmp',
    'run',
    'tmp',
    'root',
    'opt',
    'srv',
    'mnt',
    'home',
    'etc',
  ]) {
    mkdirSync(join(root, directory), { recursive: true });
  }
  symlinkSync('/run', join(root, 'var/run'));
  for (const name of ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32']) {
    if (existsSync(`/usr/${name}`)) symlinkSync(`usr/${name}`, join(root, name));
  }
  for (const name of COPIED) {
    if (existsSync(`/etc/${name}`))
      execFileSync('sh', ['-c', 'mkdir -p "$2" && cp -a "$1" "$2"', 'sh', `/etc/${name}`, dirname(join(root, 'etc', name))]);
  }
  symlinkSync('/usr/lib/os-release', join(root, 'etc/os-release'));
  // The users of Debian's packages, and none of the people.
  for (const file of ['passwd', 'group']) {
    const lines = readFileSync(`/etc/${file}`, 'utf8').split('\n');
    write(
      `etc/${file}`,
      `${lines.filter((line) => Number(line.split(':')[2]) < 1000 || line.startsWith('nogroup:') || line.startsWith('nobody:')).join('\n')}\n`,
    );
  }
  write('etc/shadow', 'root:*:19000:0:99999:7:::\n', 0o640);
  // Empty: systemd makes one at the first boot.
  write('etc/machine-id', '');
  write('etc/systemd/journald.conf.d/test.conf', '[Journal]\nStorage=persistent\nRateLimitIntervalSec=0\n');
  write('etc/docker/daemon.json', '{"log-driver": "json-file", "shutdown-timeout": 2}\n');
  for (const unit of ENABLED) link(root, `multi-user.target.wants/${unit}`, `/usr/lib/systemd/system/${unit}`);
  for (const unit of MASKED) link(root, unit, '/dev/null');
  write('host-init', readFileSync(join(import.meta.dirname, 'host-init'), 'utf8'), 0o755);
}

function link(root: string, name: string, target: string): void {
  const path = join(root, 'etc/systemd/system', name);
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}
