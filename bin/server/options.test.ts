import { describe, expect, test } from '@jest/globals';
import { serverSettings } from './options.ts';

describe("the server's options", () => {
  test('without any, it listens on loopback only', () => {
    const settings = serverSettings({});
    expect([settings.http.host, settings.https.host]).toEqual(['127.0.0.1', '127.0.0.1']);
  });

  test('plain HTTP on another address is refused, and the error names the way that works', () => {
    expect(() => serverSettings({ listen: '0.0.0.0:7480' })).toThrow(/loopback only.*--tls-listen/);
  });

  test.each(['7480', 'localhost', '127.0.0.1:99999', '127.0.0.1:x', ''])(
    'a garbled address %p is refused with an example',
    (listen) => {
      expect(() => serverSettings({ listen })).toThrow(/--listen .*expected ADDRESS:PORT/);
    },
  );

  test('the certificate covers the names given and every listened address; the first name is what others are told', () => {
    const named = serverSettings({ host: ['terrane.example', '10.1.2.3'] });
    expect(named.certificateNames).toEqual(expect.arrayContaining(['localhost', 'terrane.example', '10.1.2.3']));
    expect(named.publicHost).toBe('terrane.example');
    expect(serverSettings({ tlsListen: '10.9.8.7:7443' })).toMatchObject({
      publicHost: '10.9.8.7',
      certificateNames: expect.arrayContaining(['10.9.8.7']),
    });
    expect(serverSettings({ tlsListen: '[::1]:0' }).https).toEqual({ host: '::1', port: 0 });
  });

  test.each(['https://x', 'a b', 'x:1', '-x'])('the host %p is refused', (name) => {
    expect(() => serverSettings({ host: [name] })).toThrow(/--host/);
  });
});
