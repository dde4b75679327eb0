import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** PEM texts for a TLS server, and the CA that clients are to trust. */
export interface ServerCertificates {
  readonly caPem: string;
  readonly certPem: string;
  readonly keyPem: string;
}

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_DAYS = 3650;
/** Browsers and Apple's TLS refuse leaves of more than 398 days. */
const LEAF_DAYS = 397;
const RENEW_BEFORE_DAYS = 60;

/**
 * The embedded server's certificate, from a CA of its own that is made once and kept in `directory` (key files 0600). The
 * leaf is made again when it nears its end or when `names` (DNS names or IP addresses) has changed; the CA stays, so hosts and
 * kubeconfigs that trust it go on working.
 */
export async function serverCertificates(directory: string, names: readonly string[], now: number): Promise<ServerCertificates> {
  cryptoProvider.set(webcrypto);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const ca = await loadOrMake(directory, 'ca', () => makeCa(now));
  const wanted = [...new Set(names)].sort();
  const kept = await load(directory, 'server');
  if (kept && stillGood(kept.certPem, wanted, now)) return { caPem: ca.certPem, ...kept };
  const leaf = await makeLeaf(ca, wanted, now);
  await save(directory, 'server', leaf);
  return { caPem: ca.certPem, ...leaf };
}

interface Pair {
  readonly certPem: string;
  readonly keyPem: string;
}

async function makeCa(now: number): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: 'CN=Terrane embedded CA',
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    keys: keys,
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(true, 0, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

async function makeLeaf(ca: Pair, names: readonly string[], now: number): Promise<Pair> {
  const keys = await webcrypto.subtle.generateKey(EC, true, ['sign', 'verify']);
  const caCertificate = new X509Certificate(ca.certPem);
  const alternative: JsonGeneralName[] = names.map((name) => ({ type: isIP(name) ? 'ip' : 'dns', value: name }));
  const certificate = await X509CertificateGenerator.create({
    serialNumber: serial(),
    subject: 'CN=Terrane embedded server',
    issuer: caCertificate.subject,
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + LEAF_DAYS * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: await importKey(ca.keyPem),
    signingAlgorithm: EC,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(alternative),
    ],
  });
  return { certPem: certificate.toString('pem'), keyPem: await exportKey(keys.privateKey) };
}

function stillGood(certPem: string, names: readonly string[], now: number): boolean {
  const certificate = new X509Certificate(certPem);
  const covered =
    certificate
      .getExtension(SubjectAlternativeNameExtension)
      ?.names.items.map((item) => item.value)
      .sort() ?? [];
  return certificate.notAfter.getTime() - now > RENEW_BEFORE_DAYS * DAY_MS && covered.join() === names.join();
}

async function loadOrMake(directory: string, name: string, make: () => Promise<Pair>): Promise<Pair> {
  const kept = await load(directory, name);
  if (kept) return kept;
  const made = await make();
  await save(directory, name, made);
  return made;
}

async function load(directory: string, name: string): Promise<Pair | undefined> {
  try {
    const read = (file: string) => readFile(join(directory, file), 'utf8');
    return { certPem: await read(`${name}.crt`), keyPem: await read(`${name}.key`) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function save(directory: string, name: string, pair: Pair): Promise<void> {
  await writeFile(join(directory, `${name}.key`), pair.keyPem, { mode: 0o600 });
  await writeFile(join(directory, `${name}.crt`), pair.certPem, { mode: 0o644 });
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem);
  if (!der)
    throw new Error('the CA key file holds no PEM block; restore it from a backup, or remove the tls directory to make a new CA');
  return webcrypto.subtle.importKey('pkcs8', der, EC, false, ['sign']);
}

/** RFC 5280: a positive integer of at most 20 octets. */
function serial(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x7f) | 0x01;
  return Buffer.from(bytes).toString('hex');
}
