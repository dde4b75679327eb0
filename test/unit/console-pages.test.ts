import { runInNewContext } from 'node:vm';
import { expect, test } from '@jest/globals';
import { CONSOLE_CSP, CONSOLE_HEADERS } from '../../core/console/security-headers.ts';
import { isOfPrograms, PAGES } from '../../core/console/pages.ts';
import { pagesCode } from '../../lib/console-pages.ts';
import { PAGE_HEADERS } from '../../lib/security-headers.ts';

interface EdgeRequest {
  readonly uri: string;
  readonly headers: Readonly<Record<string, { readonly value: string }>>;
}
const rewrite = runInNewContext(`${pagesCode(PAGES)}\nhandler`) as (event: { request: EdgeRequest }) => EdgeRequest;
const uriOf = (uri: string, accept?: string) => {
  const headers: EdgeRequest['headers'] = accept === undefined ? {} : { accept: { value: accept } };
  return rewrite({ request: { uri, headers } }).uri;
};
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';

test.each(['/', '/login', '/cluster/abc', '/cluster/abc/nodes', '/cluster/abc/units/web%401.service'])(
  'CloudFront answers %s with the console',
  (path) => expect(uriOf(path)).toBe('/index.html'),
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
])('CloudFront leaves %s as it is', (path) => {
  expect(uriOf(path)).toBe(path);
  expect(uriOf(path, '*/*')).toBe(path);
});

test("CloudFront shows a mistyped address to a browser as the console's, a file that is not there as it is", () => {
  for (const path of ['/nothing', '/login/x', '/cluster/a/b'])
    expect([path, uriOf(path, BROWSER)]).toEqual([path, '/index.html']);
  for (const path of ['/assets/x.js', '/artifacts/x.tar.gz']) expect(uriOf(path, BROWSER)).toBe(path);
});

test('no page is where an API is', () => {
  for (const page of PAGES) expect([page, isOfPrograms(page)]).toEqual([page, false]);
  for (const face of [
    '/v1/me',
    '/clusters/a/api',
    '/node/v1/join',
    '/install.sh',
    '/metrics',
    '/updates/t/v1/update',
    '/v2/keys/x',
  ])
    expect([face, isOfPrograms(face)]).toEqual([face, true]);
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
