import { describe, expect, test } from '@jest/globals';
import { droppingChainsIn, forwardTablesIn } from './nft-facts.ts';

const base = (policy: string, family = 'inet') => ({
  chain: { family, table: 'firewalld', name: 'filter_FORWARD', hook: 'forward', policy },
});
const rule = (...expr: object[]) => ({ rule: { chain: 'filter_FORWARD', expr } });
const address = (field: string, addr: string, len: number) => ({
  match: { op: '==', left: { payload: { protocol: 'ip', field } }, right: { prefix: { addr, len } } },
});
const device = (key: string, right: string) => ({ match: { op: '==', left: { meta: { key } }, right } });
const answers = { match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } };
const reject = { reject: { type: 'icmpx', expr: 'admin-prohibited' } };
const accept = { accept: null };
const dropping = (...items: object[]) => droppingChainsIn(JSON.stringify({ nftables: items }), '10.244.0.0/16');
const FOUND = ['inet firewalld filter_FORWARD'];

describe('a chain of another firewall', () => {
  test('that drops by its policy, or rejects what is left by a rule (firewalld), is found', () => {
    expect(dropping(base('drop'), rule(answers, accept))).toEqual(FOUND);
    expect(dropping(base('accept'), rule(answers, accept), rule({ counter: {} }, reject))).toEqual(FOUND);
    expect(dropping(base('accept'), rule(answers, { drop: null }), rule(answers, reject))).toEqual([]);
    expect(dropping(base('accept'))).toEqual([]);
  });

  test("is well once it accepts the pods' network, as the doctor advises", () => {
    const between = rule(address('saddr', '10.244.0.0', 16), address('daddr', '10.244.0.0', 16), accept);
    expect(dropping(base('drop'), between)).toEqual([]);
    expect(dropping(base('accept'), between, rule(reject))).toEqual([]);
    expect(dropping(base('accept'), rule(reject), between)).toEqual(FOUND);
    expect(dropping(base('drop'), rule(address('saddr', '10.0.0.0', 8), accept))).toEqual([]);
    expect(dropping(base('drop'), rule(device('iifname', 'trn-*'), accept))).toEqual([]);
    expect(dropping(base('drop'), rule(address('saddr', '10.244.1.0', 24), accept))).toEqual(FOUND);
    expect(dropping(base('drop'), rule(device('iifname', 'eth0'), accept))).toEqual(FOUND);
  });

  test("is well once the network's source is in a zone that accepts everything", () => {
    const zone = rule(address('saddr', '10.244.0.0', 16), { goto: { target: 'filter_FWD_trusted' } });
    const trusted = { rule: { chain: 'filter_FWD_trusted', expr: [accept] } };
    expect(dropping(base('accept'), zone, rule(reject), trusted)).toEqual([]);
    expect(dropping(base('accept'), zone, rule(reject))).toEqual(FOUND);
  });
});

test("tables are those that look at forwarded IPv4 packets, but for iptables' and our own", () => {
  const chains = [
    base('accept'),
    base('drop', 'ip6'),
    { chain: { family: 'inet', table: 'mine', name: 'in', hook: 'input', policy: 'drop' } },
    { chain: { family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' } },
    { chain: { family: 'ip', table: 'terrane_policy', name: 'forward', hook: 'forward', policy: 'accept' } },
  ];
  expect(forwardTablesIn(JSON.stringify({ nftables: chains }))).toEqual(['inet firewalld']);
});
