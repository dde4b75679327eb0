import { expect, test } from '@jest/globals';
import type { PodSpec } from '../schema/pod.ts';
import { validateDns } from './validate-dns.ts';

const problemsOf = (spec: Partial<PodSpec>) =>
  validateDns({ containers: [], ...spec }, 'spec').map(({ field, message }) => `${field}: ${message}`);

test('what a resolver can use is taken', () => {
  const options = [{ name: 'ndots', value: '2' }, { name: 'edns0' }];
  expect(
    problemsOf({ dnsConfig: { nameservers: ['10.0.0.1', 'fd00::1'], searches: ['a.example', '.', 'b.example.'], options } }),
  ).toEqual([]);
  expect(problemsOf({ dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1'] } })).toEqual([]);
});

test.each<[Partial<PodSpec>, string]>([
  [{ dnsPolicy: 'None' }, 'spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver'],
  [
    { dnsConfig: { nameservers: ['one.one'] } },
    'spec.dnsConfig.nameservers[0]: Invalid value: "one.one": must be a valid IP address',
  ],
  [{ dnsConfig: { nameservers: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'] } }, 'must not have more than 3 nameservers'],
  [{ dnsConfig: { searches: ['No Domain'] } }, 'spec.dnsConfig.searches[0]: Invalid value'],
  [{ dnsConfig: { searches: Array.from({ length: 33 }, (_, i) => `a${i}`) } }, 'must not have more than 32 search paths'],
  [{ dnsConfig: { options: [{ value: '1' }] } }, 'spec.dnsConfig.options[0]: Required value'],
])('%j is refused, and why', (spec, expected) => {
  const problems = problemsOf(spec);
  expect(problems).toHaveLength(1);
  expect(problems[0]).toContain(expected);
});
