import { expect, test } from '@jest/globals';
import { parseListen, showListen } from './listen.ts';

test.each([
  ['127.0.0.1:2379', { host: '127.0.0.1', port: 2379 }],
  ['localhost:0', { host: 'localhost', port: 0 }],
  ['[::1]:2379', { host: '::1', port: 2379 }],
  ['unix:/run/etcd.sock', { path: '/run/etcd.sock' }],
])('%s is an address, and shown as it was given', (text, listen) => {
  expect(parseListen(text)).toEqual(listen);
  expect(showListen(listen)).toBe(text);
});

test('unix:///run/etcd.sock is one, too', () => expect(parseListen('unix:///run/etcd.sock')).toEqual({ path: '/run/etcd.sock' }));

test.each(['', '2379', ':2379', 'host', 'host:port', 'host:99999', '::1:2379', 'http://host:2379', 'unix:relative', 'host:1:2'])(
  '%j is none',
  (text) => expect(parseListen(text)).toBeUndefined(),
);
