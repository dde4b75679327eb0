import { expect, test } from '@jest/globals';
import { isFromWebPage } from './web-page.ts';

test.each([
  '127.0.0.1:2379',
  '127.0.0.1',
  '[::1]:2379',
  'localhost:2379',
  '172.17.0.1:2379',
  'etcd:2379',
  'host.docker.internal:2379',
  'kv.default.svc.cluster.local',
  '',
  undefined,
])('a program that asks %s is answered', (host) => expect(isFromWebPage({ host })).toBe(false));

test.each([
  { host: 'evil.example:2379' },
  { host: '127.0.0.1.evil.example' },
  { host: 'localhost.evil.example:2379' },
  { host: '127.0.0.1:2379', origin: 'http://127.0.0.1:2379' },
  { host: 'localhost:2379', 'sec-fetch-site': 'none' },
])('a page is not: %j', (headers) => expect(isFromWebPage(headers)).toBe(true));
