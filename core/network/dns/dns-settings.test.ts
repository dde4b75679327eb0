import { describe, expect, test } from '@jest/globals';
import { settingsProblems } from '../../controllers/settings.ts';
import { dnsSettingsOf } from './dns-settings.ts';

const read = (data: Record<string, string>) => dnsSettingsOf({ get: () => ({ data }) as never });

describe('what a cluster chooses of names', () => {
  test('is nothing, unless told otherwise', () => {
    expect(read({})).toBeUndefined();
    expect(read({ reportSeconds: '10' })).toBeUndefined();
  });

  test('are domains of the key-value store, none too, and name servers', () => {
    expect(read({ skydnsDomains: 'skydns.local, Services.Corp.example 10.in-addr.arpa' })).toEqual({
      skydnsDomains: ['skydns.local', 'services.corp.example', '10.in-addr.arpa'],
    });
    expect(read({ skydnsDomains: '' })).toEqual({ skydnsDomains: [] });
    expect(read({ dnsServers: '192.0.2.53 2001:db8::53' })).toEqual({ servers: ['192.0.2.53', '2001:db8::53'] });
  });

  test.each([
    [{ dnsServers: 'dns.example.com' }, 'data.dnsServers Invalid value: "dns.example.com": dns.example.com is no IP address'],
    [{ dnsServers: ' ' }, 'must name at least one address'],
    [{ dnsServers: Array.from({ length: 9 }, (_, i) => `10.0.0.${i}`).join() }, 'must not be more than 8'],
    [{ skydnsDomains: 'a..b' }, 'data.skydnsDomains'],
    [{ skydnsDomains: 'local skydns.local' }, 'skydns.local is in local already'],
  ])('%j is refused, and counts as nothing if it stands there already', (data, message) => {
    expect(
      settingsProblems(data as Record<string, string>)
        .map((problem) => `${problem.field} ${problem.message}`)
        .join(),
    ).toContain(message);
    expect(read(data as Record<string, string>)).toBeUndefined();
  });
});
