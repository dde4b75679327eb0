import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, test } from '@jest/globals';
import { osUpdates } from './detect.ts';

test.each([
  [{ 'etc/os-release': 'ID=flatcar\n', 'usr/bin/apt-get': '' }, 'flatcar'],
  [{ 'etc/os-release': 'ID=fedora\nVARIANT_ID=coreos\n' }, 'fcos'],
  [{ 'etc/os-release': 'ID=debian\n', 'etc/rauc/system.conf': '', 'usr/bin/apt-get': '' }, 'rauc'],
  [{ 'etc/os-release': 'ID=debian\n', 'usr/bin/apt-get': '' }, 'apt'],
  [{ 'etc/os-release': 'ID=fedora\nVARIANT_ID=server\n' }, undefined],
  [{}, undefined],
])('a host with %j is updated by %s', async (files, driver) => {
  const root = mkdtempSync(join(tmpdir(), 'trn-detect-'));
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  expect(await osUpdates(root)).toBe(driver);
  rmSync(root, { recursive: true });
});
