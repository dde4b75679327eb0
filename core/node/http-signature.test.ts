import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { publicKeyFromRaw, rawPublicKey, signRequest, verifyRequest } from './http-signature.ts';
import { parseSignatureInput, signatureBase, signBase, verifyBase } from './signature-base.ts';

const NOW = 1_800_000_000_000;
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const keyId = rawPublicKey(privateKey);
const URL = 'https://terrane.example:8443/node/v1/report?a=1';

function signed(options: { created?: number; body?: string; url?: string } = {}) {
  const { body = '{"x":1}', url = URL } = options;
  const headers = signRequest({ method: 'post', url, body }, { keyId, privateKey, created: options.created ?? NOW });
  return { method: 'POST', url, body, headers: new Headers({ ...headers, host: 'terrane.example:8443' }) };
}
const options = { publicKey, now: NOW };

describe('RFC 9421 appendix B.2.6 (ed25519)', () => {
  const key = createPrivateKey(`-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----`);
  const fields: Record<string, string> = {
    date: 'Tue, 20 Apr 2021 02:07:55 GMT',
    'content-type': 'application/json',
    'content-length': '18',
  };
  const message = {
    method: 'POST',
    url: 'https://example.com/foo?param=Value&Pet=dog',
    authority: 'example.com',
    field: (n: string) => fields[n],
  };
  const input =
    'sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"';
  const signature = 'wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==';

  test('the same base and the same signature come out', () => {
    const parsed = parseSignatureInput(input)![0]!;
    expect(parsed.params).toEqual({ created: 1618884473, keyid: 'test-key-ed25519' });
    const base = signatureBase(message, parsed.components, parsed.raw)!;
    expect(signBase(base, key)).toBe(signature);
    expect(verifyBase(base, signature, createPublicKey(key))).toBe(true);
  });
});

describe('a signed request', () => {
  test('verifies, and tells key and time', () => {
    expect(verifyRequest(signed(), options)).toMatchObject({ ok: true, keyId, created: NOW });
  });

  test('verifies behind a proxy that changed scheme and host, as long as Host is kept', () => {
    const request = { ...signed(), url: 'http://127.0.0.1:8080/node/v1/report?a=1' };
    expect(verifyRequest(request, options)).toMatchObject({ ok: true });
  });

  test.each([
    ['method', { method: 'PUT' }, 'signature'],
    ['path', { url: URL.replace('report', 'join') }, 'signature'],
    ['query', { url: URL.replace('a=1', 'a=2') }, 'signature'],
    ['body', { body: '{"x":2}' }, 'digest'],
  ])('is refused when its %s was changed', (_part, change, problem) => {
    expect(verifyRequest({ ...signed(), ...change }, options)).toMatchObject({ ok: false, problem });
  });

  test.each([
    ['host', 'evil.example', 'signature'],
    ['content-digest', 'sha-256=:AAAA:', 'signature'],
    ['signature', 'terrane=:AAAA:', 'signature'],
    ['signature', 'other=:AAAA:', 'malformed'],
    ['signature', '', 'missing'],
    ['signature-input', 'terrane=("@method"', 'malformed'],
    ['signature-input', `terrane=("@method");created=1;keyid="${keyId}";alg="ed25519";tag="terrane"`, 'profile'],
    ['signature-input', `terrane=("@method");created=1;keyid="${keyId}";alg="rsa-pss-sha512";tag="terrane"`, 'profile'],
    ['signature-input', `terrane=("@method");created=1;keyid="${keyId}";alg="ed25519"`, 'missing'],
  ])('is refused when header %s becomes %s', (name, value, problem) => {
    const request = signed();
    request.headers.set(name, value);
    expect(verifyRequest(request, options)).toMatchObject({ ok: false, problem });
  });

  test('is refused under another key', () => {
    const other = generateKeyPairSync('ed25519').publicKey;
    expect(verifyRequest(signed(), { ...options, publicKey: other })).toMatchObject({ ok: false, problem: 'signature' });
  });

  test('is accepted up to 300 s off, and beyond it the answer says how far', () => {
    expect(verifyRequest(signed({ created: NOW - 300_000 }), options)).toMatchObject({ ok: true });
    expect(verifyRequest(signed({ created: NOW - 301_000 }), options)).toMatchObject({
      problem: 'skew',
      message: expect.stringContaining('301 s behind'),
    });
    expect(verifyRequest(signed({ created: NOW + 3_600_000 }), options)).toMatchObject({
      problem: 'skew',
      message: expect.stringContaining('3600 s ahead'),
    });
  });

  test('covers a body that is streamed only where that is allowed', () => {
    const headers = signRequest(
      { method: 'POST', url: URL, body: { streamed: true } },
      { keyId, privateKey, created: NOW, nonce: 'n1' },
    );
    const request = { method: 'POST', url: URL, headers: new Headers({ ...headers, host: 'terrane.example:8443' }) };
    expect(verifyRequest(request, options)).toMatchObject({ ok: false, problem: 'profile' });
    expect(verifyRequest(request, { ...options, streamedBody: true })).toMatchObject({ ok: true, nonce: 'n1' });
  });

  test('without a query and without a body verifies too', () => {
    const url = 'https://terrane.example/node/v1/assignment';
    const headers = signRequest({ method: 'GET', url }, { keyId, privateKey, created: NOW });
    expect(verifyRequest({ method: 'GET', url, headers: new Headers({ ...headers, host: 'terrane.example' }) }, options).ok).toBe(
      true,
    );
  });
});

describe('raw public keys', () => {
  test('survive the round trip', () => {
    expect(rawPublicKey(publicKeyFromRaw(keyId)!)).toBe(keyId);
    expect(keyId).toHaveLength(43);
  });
  test('are refused when they are not keys', () => {
    expect(publicKeyFromRaw('short')).toBeUndefined();
    expect(publicKeyFromRaw(`${keyId.slice(0, 42)}!`)).toBeUndefined();
  });
});
