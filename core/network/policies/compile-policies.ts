import { contentDigest } from '../../controllers/digest.ts';
import type { AssignedPolicies, AssignedPolicyPorts, AssignedPolicyRule } from '../../node/assigned-policies.ts';
import type { NftChain, NftSet, Ruleset } from '../nft/ruleset.ts';

/**
 * NetworkPolicies as an nftables table of one host. Only pods of this host are in it: what goes to them is looked at where they are,
 * and what they send where it leaves.
 *
 *     filter forward -> @egress by source, @ingress by destination -> in-... | out-...: return if a rule allows it, else drop
 *
 * Answers pass. So does what the host itself sends to its pods (probes), which never is forwarded. Drops are final, whatever other tables
 * accept.
 */

export const POLICY_TABLE = 'terrane_policy';
/** Before the tables that reject what a Service doesn't serve: who may not ask learns nothing. */
const PRIORITY = -10;

type Direction = 'in' | 'out';

/** `addresses`: of this host's pods, by uid. A pod without one can't be reached yet. */
export function compilePolicies({ pods, rules, groups }: AssignedPolicies, addresses: ReadonlyMap<string, string>): Ruleset {
  const maps = { in: new Map<string, string>(), out: new Map<string, string>() };
  const own = new Map<string, string>();
  const chains = new Map<string, NftChain>();
  const used = new Set<string>();

  const isolate = (direction: Direction, address: string, allowed: readonly number[] | undefined) => {
    if (!allowed) return;
    const lines = allowed.flatMap((index) => ruleLines(direction, rules[index]!));
    // Replicas share a chain.
    const name = `${direction}-${contentDigest(lines)
      .replace(/[^A-Za-z0-9]/g, '')
      .slice(0, 16)}`;
    chains.set(name, { rules: ['ip saddr . ip daddr @own return', ...lines, 'drop'] });
    maps[direction].set(address, `jump ${name}`);
    for (const index of allowed) for (const id of rules[index]!.peers?.groups ?? []) used.add(id);
  };
  for (const { uid, ingress, egress } of pods) {
    const address = addresses.get(uid);
    if (address === undefined) continue;
    // A pod may always call itself, by a Service, too.
    own.set(`${address} . ${address}`, '');
    isolate('in', address, ingress);
    isolate('out', address, egress);
  }
  chains.set('forward', {
    hook: `type filter hook forward priority ${PRIORITY}`,
    rules: ['ct state established,related accept', 'ip saddr vmap @egress', 'ip daddr vmap @ingress'],
  });
  const sets = new Map<string, NftSet>([
    ['own', { key: 'ipv4_addr . ipv4_addr', elements: own }],
    ['ingress', { key: 'ipv4_addr', value: 'verdict', elements: maps.in }],
    ['egress', { key: 'ipv4_addr', value: 'verdict', elements: maps.out }],
  ]);
  for (const { id, addresses: members } of groups)
    if (used.has(id)) sets.set(`group-${id}`, { key: 'ipv4_addr', elements: new Map(members.map((member) => [member, ''])) });
  return { family: 'ip', table: POLICY_TABLE, sets, chains };
}

function ruleLines(direction: Direction, { peers, ports }: AssignedPolicyRule): string[] {
  const other = direction === 'in' ? 'ip saddr' : 'ip daddr';
  const whom = peers
    ? [...peers.groups.map((id) => `${other} @group-${id} `), ...peers.blocks.map((block) => blockText(other, block))]
    : [''];
  const what = ports ? portTexts(ports) : [''];
  return whom.flatMap((peer) => what.map((port) => `${peer}${port}return`));
}

function blockText(field: string, { cidr, except }: { readonly cidr: string; readonly except: readonly string[] }): string {
  const inside = cidr === '0.0.0.0/0' ? '' : `${field} ${cidr} `;
  return except.length === 0 ? inside : `${inside}${except.map((block) => `${field} != ${block} `).join('')}`;
}

/** One text for each protocol. */
function portTexts(ports: readonly AssignedPolicyPorts[]): string[] {
  const byProtocol = new Map<string, string[]>();
  const whole = new Set<string>();
  for (const { protocol, from, to = from } of ports) {
    const name = protocol.toLowerCase();
    if (from === undefined) whole.add(name);
    else byProtocol.set(name, [...(byProtocol.get(name) ?? []), from === to ? String(from) : `${from}-${to}`]);
  }
  return [
    ...[...whole].map((name) => `meta l4proto ${name} `),
    ...[...byProtocol].flatMap(([name, ranges]) => (whole.has(name) ? [] : ranges.map((range) => `${name} dport ${range} `))),
  ];
}
