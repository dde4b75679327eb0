import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { CONSOLE_CSP, CONSOLE_HEADERS } from '../../core/console/security-headers.ts';
import { PAGES } from '../../core/console/pages.ts';
import { pagesCode } from '../../lib/console-pages.ts';
import { PAGE_HEADERS } from '../../lib/security-headers.ts';

const rewrite = runInNewContext(`${pagesCode(PAGES)}\nhandler`) as (event: { request: { uri: string } }) => { uri: string };
const uriOf = (uri: string) => rewrite({ request: { uri } }).uri;

test.each(['/', '/login', '/cluster/abc', '/cluster/abc/nodes'])('CloudFront answers %s with the console', (path) =>
  expect(uriOf(path)).toBe('/index.html'),
);

test.each([
  '/assets/console-AB.js',
  '/artifacts/x.tar.gz',
  '/nothing',
  '/login/x',
  '/cluster',
  '/cluster/a/b',
  '/v1/x',
  '/loginx',
])('CloudFront leaves %s as it is', (path) => expect(uriOf(path)).toBe(path));

test('no page is where an API is', () => {
  for (const page of PAGES)
    expect(page).not.toMatch(/^\/(v1|clusters|node|install\.sh|artifacts|assets|healthz|readyz|metrics)(\/|$)/);
});

test('CloudFront sends pages with the same policy as the embedded server', () => {
  const { securityHeadersBehavior: security, customHeadersBehavior: custom } = PAGE_HEADERS;
  expect(security?.contentSecurityPolicy?.contentSecurityPolicy).toBe(CONSOLE_CSP);
  expect(security?.strictTransportSecurity).toMatchObject({ includeSubdomains: true });
  expect(security).toMatchObject({ contentTypeOptions: {}, frameOptions: { frameOption: 'DENY' } });
  expect(security?.referrerPolicy?.referrerPolicy).toBe(CONSOLE_HEADERS['referrer-policy']);
  const headers = Object.fromEntries(custom?.customHeaders.map(({ header, value }) => [header, value]) ?? []);
  for (const name of ['cross-origin-opener-policy', 'cross-origin-resource-policy'])
    expect(headers[name]).toBe(CONSOLE_HEADERS[name]);
});
