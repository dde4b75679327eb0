import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Signed bundles, made by RAUC itself with keys of the test's own. */
export interface Bundles {
  /** Of the authority that hosts trust. */
  readonly keyring: string;
  make(version: string, signer?: 'ours' | 'rogue'): { bytes: Uint8Array; imageSha256: string; size: number };
  remove(): void;
}

export const COMPATIBLE = 'acme-host';
const IMAGE_BYTES = 2 * 1024 * 1024;

export function raucBundles(): Bundles {
  const directory = mkdtempSync(join(tmpdir(), 'trn-bundles-'));
  const path = (...names: string[]) => join(directory, ...names);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' });
  writeFileSync(path('ext'), 'keyUsage=digitalSignature\nextendedKeyUsage=emailProtection,codeSigning\n');
  for (const who of ['ours', 'rogue']) {
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      path(`${who}-ca.key`),
      '-out',
      path(`${who}-ca.pem`),
      '-subj',
      `/CN=${who}`,
      '-days',
      '400',
    );
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      path(`${who}.key`),
      '-out',
      path(`${who}.csr`),
      '-subj',
      '/CN=signer',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      path(`${who}.csr`),
      '-CA',
      path(`${who}-ca.pem`),
      '-CAkey',
      path(`${who}-ca.key`),
      '-CAcreateserial',
      '-days',
      '400',
      '-extfile',
      path('ext'),
      '-out',
      path(`${who}.pem`),
    );
  }
  return {
    keyring: path('ours-ca.pem'),
    make(version, signer = 'ours') {
      const content = path(`content-${version}-${signer}`);
      mkdirSync(content);
      const image = randomBytes(IMAGE_BYTES);
      writeFileSync(join(content, 'rootfs.img'), image);
      writeFileSync(
        join(content, 'manifest.raucm'),
        `[update]\ncompatible=${COMPATIBLE}\nversion=${version}\n[bundle]\nformat=plain\n[image.rootfs]\nfilename=rootfs.img\n`,
      );
      const out = path(`${version}-${signer}.raucb`);
      const keys = [`--cert=${path(`${signer}.pem`)}`, `--key=${path(`${signer}.key`)}`, `--keyring=${path(`${signer}-ca.pem`)}`];
      execFileSync('rauc', [...keys, 'bundle', content, out], { stdio: 'pipe' });
      const imageSha256 = createHash('sha256').update(image).digest('hex');
      return { bytes: readFileSync(out), imageSha256, size: IMAGE_BYTES };
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
