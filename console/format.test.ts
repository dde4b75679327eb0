import { describe, expect, test } from '@jest/globals';
import { bytes, cpus, fromNow, plural } from './format.ts';

describe('what people read', () => {
  test.each([
    [0, 'just now'],
    [-44_000, 'just now'],
    [30_000, 'in less than a minute'],
    [-60_000, '1 minute ago'],
    [-3_600_000, '1 hour ago'],
    [30 * 86_400_000, 'in 1 month'],
    [7 * 86_400_000, 'in 7 days'],
    [-2 * 31_536_000_000, '2 years ago'],
  ])('%d ms from now is %s', (ms, words) => expect(fromNow(1e12 + ms, 1e12)).toBe(words));

  test.each([
    ['8388608Ki', '8 GiB'],
    ['1500M', '1.4 GiB'],
    ['512', '512 B'],
    ['100Gi', '100 GiB'],
    ['strange', 'strange'],
    [undefined, '-'],
  ])('%s of memory is %s', (quantity, words) => expect(bytes(quantity)).toBe(words));

  test('CPUs may be parts of one', () => {
    expect([cpus('2'), cpus('1'), cpus('500m'), cpus(undefined)]).toEqual(['2 CPUs', '1 CPU', '0.5 CPUs', '-']);
    expect([plural(1, 'node'), plural(0, 'node')]).toEqual(['1 node', '0 nodes']);
  });
});
