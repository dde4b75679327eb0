import { expect, test } from '@jest/globals';
import { proxiesFor } from './by-proxy.ts';

const HTTPS_PROXY = 'http://proxy.test:3128';
const proxies = (url: string, environment: NodeJS.ProcessEnv) => proxiesFor(new URL(url), environment);

test('a control plane in a network that NO_PROXY names is asked without the proxy, as curl does it', () => {
  const NO_PROXY = 'localhost, 10.0.0.0/8,fd00::/8';
  for (const url of ['https://10.1.2.3:7443', 'https://[fd00::7]:7443'])
    expect(proxies(url, { HTTPS_PROXY, NO_PROXY })).toEqual({});
  for (const url of ['https://11.1.2.3:7443', 'https://[fe00::7]', 'https://10.example', 'https://terrane.example'])
    expect(proxies(url, { HTTPS_PROXY, NO_PROXY })).toEqual({ HTTPS_PROXY, NO_PROXY });
  for (const odd of ['10.0.0.0/99', '10.0.0/8', '/8', 'fd00::/8', '*.test/8'])
    expect(proxies('https://10.1.2.3', { HTTPS_PROXY, no_proxy: odd })).toEqual({ HTTPS_PROXY, no_proxy: odd });
});

test('a proxy may be named without http:// before it', () => {
  expect(
    proxies('https://terrane.example', { https_proxy: 'proxy.test:3128', http_proxy: '', NO_PROXY: 'a', PATH: '/bin' }),
  ).toEqual({
    https_proxy: HTTPS_PROXY,
    http_proxy: '',
    NO_PROXY: 'a',
  });
});
