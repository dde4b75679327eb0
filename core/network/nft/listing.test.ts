import { describe, expect, test } from '@jest/globals';
import { isIntact, partsOf } from './listing.ts';
import type { Ruleset } from './ruleset.ts';

const ruleset: Ruleset = {
  family: 'ip',
  table: 't',
  chains: new Map([['c', { rules: ['accept'] }]]),
  sets: new Map([
    [
      's',
      {
        key: 'inet_service',
        elements: new Map([
          ['80', ''],
          ['81', ''],
        ]),
      },
    ],
    ['clients', { key: 'ipv4_addr', timeoutSeconds: 60, elements: new Map() }],
  ]),
};
const chain = { chain: { family: 'ip', table: 't', name: 'c', handle: 1 } };
const rule = (verdict: string, handle = 2) => ({
  rule: { family: 'ip', table: 't', chain: 'c', handle, expr: [{ [verdict]: null }] },
});
const set = (elem: unknown[]) => ({ set: { family: 'ip', name: 's', table: 't', type: 'inet_service', handle: 3, elem } });
const clients = (elem: unknown[]) => ({ set: { family: 'ip', name: 'clients', table: 't', type: 'ipv4_addr', handle: 4, elem } });
const listing = (...items: object[]) =>
  partsOf({ nftables: [{ metainfo: { version: '1' } }, { table: { name: 't' } }, ...items] });
const digests = (parts: ReturnType<typeof partsOf>) => new Map(Array.from(parts, ([name, { digest }]) => [name, digest]));

describe('a table is intact', () => {
  const first = listing(chain, rule('accept'), set([80, 81]), clients([]));

  test('as it was made, also when its handles and the order of elements differ, and packets have left theirs', () => {
    expect(isIntact(first, ruleset, new Map())).toBe(true);
    const later = listing(chain, rule('accept', 99), set([81, 80]), clients([{ elem: { val: '10.0.0.1', expires: 5 } }]));
    expect(isIntact(later, ruleset, digests(first))).toBe(true);
  });

  test.each([
    ['it is gone', listing()],
    ['a rule is gone', listing(chain, set([80, 81]), clients([]))],
    ['a rule was added', listing(chain, rule('accept'), rule('drop'), set([80, 81]), clients([]))],
    ['a rule is another', listing(chain, rule('drop'), set([80, 81]), clients([]))],
    ['an element is gone', listing(chain, rule('accept'), set([80]), clients([]))],
    ['an element is another', listing(chain, rule('accept'), set([80, 82]), clients([]))],
    ['a set is gone', listing(chain, rule('accept'), set([80, 81]))],
    ['a chain was added', listing(chain, { chain: { name: 'd' } }, rule('accept'), set([80, 81]), clients([]))],
  ])('not when %s', (_, changed) => {
    expect(isIntact(changed, ruleset, digests(first))).toBe(false);
  });
});
