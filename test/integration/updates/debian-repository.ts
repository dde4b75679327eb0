import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Flat repositories (sources.list(5)), made by Debian's own tools and signed with a key of the test's. */
export interface DebianRepositories {
  /** Makes a package; gives the path of the .deb. */
  deb(name: string, version: string, fields?: string): string;
  /** The files of a repository with these packages, and the sources file that names it, below `url`. */
  publish(name: string, debs: readonly string[], url: string): { files: Map<string, Buffer>; sources: Buffer };
  remove(): void;
}

export function debianRepositories(): DebianRepositories {
  // gpg-agent's socket is below it, whose path has at most 107 characters.
  const directory = mkdtempSync(join(tmpdir(), 'trn-deb-'));
  const home = join(directory, 'gpg');
  mkdirSync(home, { mode: 0o700 });
  const gpg = (...args: string[]) =>
    execFileSync('gpg', ['--homedir', home, '--batch', '--quiet', '--yes', ...args], { stdio: 'pipe' });
  gpg('--passphrase', '', '--quick-gen-key', 'test@example.com', 'rsa2048', 'sign', 'never');
  const key = gpg('--armor', '--export').toString();
  return {
    deb(name, version, fields = '') {
      const content = join(directory, `${name}-${version}`);
      mkdirSync(join(content, 'DEBIAN'), { recursive: true });
      mkdirSync(join(content, 'usr/share', name), { recursive: true });
      writeFileSync(join(content, 'usr/share', name, 'version'), `${version}\n`);
      writeFileSync(
        join(content, 'DEBIAN/control'),
        `Package: ${name}\nVersion: ${version}\nArchitecture: all\nMaintainer: t <t@example.com>\nDescription: t\n${fields}`,
      );
      const deb = join(directory, `${name}_${version}_all.deb`);
      execFileSync('dpkg-deb', ['--root-owner-group', '-b', content, deb], { stdio: 'pipe' });
      return deb;
    },
    publish(name, debs, url) {
      const folder = join(directory, name);
      mkdirSync(folder);
      for (const deb of debs) execFileSync('cp', [deb, folder]);
      const packages = execFileSync('apt-ftparchive', ['packages', '.'], { cwd: folder, stdio: 'pipe' });
      writeFileSync(join(folder, 'Packages'), packages);
      const release = execFileSync('apt-ftparchive', ['-o', `APT::FTPArchive::Release::Origin=${name}`, 'release', '.'], {
        cwd: folder,
        stdio: 'pipe',
      });
      writeFileSync(join(folder, 'Release'), release);
      gpg('--clearsign', '-o', join(folder, 'InRelease'), join(folder, 'Release'));
      const files = new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file))]));
      const signedBy = key
        .trim()
        .split('\n')
        .map((line) => ` ${line || '.'}`)
        .join('\n');
      const sources = Buffer.from(`Types: deb\nURIs: ${url}\nSuites: ./\nSigned-By:\n${signedBy}\n`);
      return { files, sources };
    },
    remove() {
      execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], { stdio: 'pipe' });
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
