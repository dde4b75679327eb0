import { describe, expect, test } from '@jest/globals';
import type { AssignedPolicies, AssignedPolicyRule } from '../../node/assigned-policies.ts';
import { compilePolicies } from './compile-policies.ts';

const ADDRESSES = new Map([
  ['u1', '10.0.0.1'],
  ['u2', '10.0.0.2'],
]);
const policies = (rules: AssignedPolicyRule[], uids = ['u1']): AssignedPolicies => ({
  pods: uids.map((uid) => ({ uid, ingress: rules.map((_, index) => index) })),
  rules,
  groups: [{ id: 'g', addresses: ['10.0.0.9'] }],
});
const table = (rules: AssignedPolicyRule[], uids?: string[]) => compilePolicies(policies(rules, uids), ADDRESSES);
const lines = (...rules: AssignedPolicyRule[]) =>
  [...table(rules).chains].flatMap(([name, chain]) => (name === 'forward' ? [] : chain.rules.slice(1, -1)));
const chainOf = (ruleset: ReturnType<typeof table>) =>
  [...ruleset.sets.get('ingress')!.elements.values()][0]!.replace('jump ', '');

describe("a host's table of policies", () => {
  test('drops what no rule allows, lets answers pass, and a pod call itself', () => {
    const deny = table([]);
    expect(deny.chains.get('forward')?.rules).toEqual([
      'ct state established,related accept',
      'ip saddr vmap @egress',
      'ip daddr vmap @ingress',
    ]);
    expect(deny.chains.get(chainOf(deny))?.rules).toEqual(['ip saddr . ip daddr @own return', 'drop']);
    expect([...deny.sets.get('own')!.elements.keys()]).toEqual(['10.0.0.1 . 10.0.0.1']);
  });

  test('has one chain for pods of the same rules, and nothing for pods without an address', () => {
    const both = table([{}], ['u1', 'u2', 'u3']);
    expect(both.chains.size).toBe(2);
    expect([...both.sets.get('ingress')!.elements.keys()]).toEqual(['10.0.0.1', '10.0.0.2']);
  });

  test.each<[string, AssignedPolicyRule, string[]]>([
    ['everything', {}, ['return']],
    ['a port', { ports: [{ protocol: 'TCP', from: 80, to: 80 }] }, ['tcp dport 80 return']],
    ['a range', { ports: [{ protocol: 'UDP', from: 1, to: 9 }] }, ['udp dport 1-9 return']],
    ['a protocol', { ports: [{ protocol: 'SCTP' }] }, ['meta l4proto sctp return']],
    [
      'a protocol and a port of it',
      { ports: [{ protocol: 'TCP' }, { protocol: 'TCP', from: 80, to: 80 }] },
      ['meta l4proto tcp return'],
    ],
    ['pods', { peers: { groups: ['g'], blocks: [] } }, ['ip saddr @group-g return']],
    [
      'a block but for parts of it',
      { peers: { groups: [], blocks: [{ cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '10.2.0.0/16'] }] } },
      ['ip saddr 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip saddr != 10.2.0.0/16 return'],
    ],
    ['everybody by a block', { peers: { groups: [], blocks: [{ cidr: '0.0.0.0/0', except: [] }] } }, ['return']],
    [
      'pods at ports',
      {
        peers: { groups: ['g'], blocks: [] },
        ports: [
          { protocol: 'TCP', from: 80, to: 80 },
          { protocol: 'UDP', from: 53, to: 53 },
        ],
      },
      ['ip saddr @group-g tcp dport 80 return', 'ip saddr @group-g udp dport 53 return'],
    ],
    ['nobody', { peers: { groups: [], blocks: [] } }, []],
  ])('allows %s', (_, rule, expected) => {
    expect(lines(rule)).toEqual(expected);
  });

  test('looks at the destination of what its pods send', () => {
    const out = compilePolicies(
      {
        pods: [{ uid: 'u1', egress: [0] }],
        rules: [{ peers: { groups: ['g'], blocks: [] } }],
        groups: [{ id: 'g', addresses: [] }],
      },
      ADDRESSES,
    );
    expect([...out.chains].find(([name]) => name.startsWith('out-'))?.[1].rules).toContain('ip daddr @group-g return');
    expect([...out.sets.get('egress')!.elements.keys()]).toEqual(['10.0.0.1']);
    expect(out.sets.get('ingress')!.elements.size).toBe(0);
  });
});
