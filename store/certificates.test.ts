import { afterEach, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serverCertificates } from './certificates.ts';

const directories: string[] = [];
async function directory(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'terrane-tls-'));
  directories.push(made);
  return join(made, 'tls');
}
afterEach(async () => {
  for (const made of directories.splice(0)) await rm(made, { recursive: true, force: true });
});

const now = Date.now();

describe("the embedded server's certificates", () => {
  test('a stock TLS client that trusts the CA accepts the server by name and by address', async () => {
    const tls = await serverCertificates(await directory(), ['localhost', '127.0.0.1'], now);
    const server = createServer({ cert: tls.certPem, key: tls.keyPem }, (_request, response) => response.end('ok'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      get({ host: '127.0.0.1', port, ca: tls.caPem }, (response) => resolve(response.resume().statusCode)).on('error', reject);
    });
    await new Promise((resolve) => server.close(resolve));
    expect(status).toBe(200);
  });

  test('are kept: the same over restarts, keys readable by their owner only', async () => {
    const place = await directory();
    const first = await serverCertificates(place, ['localhost'], now);
    expect(await serverCertificates(place, ['localhost'], now)).toEqual(first);
    expect((await stat(join(place, 'ca.key'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(place, 'server.key'))).mode & 0o777).toBe(0o600);
  });

  test('a new address or a near end renews the leaf under the same CA', async () => {
    const place = await directory();
    const first = await serverCertificates(place, ['localhost'], now);
    const moved = await serverCertificates(place, ['localhost', '10.0.0.7'], now);
    const later = await serverCertificates(place, ['localhost', '10.0.0.7'], now + 350 * 86_400_000);
    expect(moved.caPem).toBe(first.caPem);
    expect(moved.certPem).not.toBe(first.certPem);
    expect(later.certPem).not.toBe(moved.certPem);
    const leaf = new X509Certificate(later.certPem);
    expect(leaf.verify(new X509Certificate(first.caPem).publicKey)).toBe(true);
    expect(leaf.checkIP('10.0.0.7')).toBe('10.0.0.7');
  });
});
