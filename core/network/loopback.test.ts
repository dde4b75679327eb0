import { expect, test } from '@jest/globals';
import { isLoopback, isPlainLoopback } from './loopback.ts';

test.each(['localhost', '127.0.0.1', '127.1', '127.255.255.254', '::1', '[::1]'])('%s is this machine', (host) =>
  expect(isLoopback(host)).toBe(true),
);

test.each(['127.example.com', '127.0.0.1.example.com', '128.0.0.1', '10.127.0.1', 'localhost.example.com', '0.0.0.0', '::', ''])(
  '%s is not',
  (host) => expect(isLoopback(host)).toBe(false),
);

test('however a URL writes it', () => {
  for (const url of ['http://127.1:80/', 'http://0x7f000001/', 'http://LOCALHOST/', 'http://[0:0::1]:8080/'])
    expect([url, isPlainLoopback(new URL(url))]).toEqual([url, true]);
  for (const url of ['https://127.0.0.1/', 'http://127.evil.example/', 'http://127.0.0.1@evil.example/'])
    expect([url, isPlainLoopback(new URL(url))]).toEqual([url, false]);
});
