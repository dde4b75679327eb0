import { contains, overlaps, parseCidr } from '../../core/network/ipv4.ts';
import { BRIDGE_PREFIX } from '../../core/network/names.ts';

interface Listed {
  readonly nftables?: readonly { readonly chain?: ListedChain; readonly rule?: ListedRule }[];
}
interface ListedChain {
  readonly family?: string;
  readonly table?: string;
  readonly name?: string;
  readonly hook?: string;
  readonly policy?: string;
}
interface ListedRule {
  readonly chain?: string;
  readonly expr?: readonly Readonly<Record<string, unknown>>[];
}

const OURS = 'terrane_';

/** From what `nft -j list chains` prints: `inet firewalld` for each table that looks at forwarded IPv4 packets. iptables' own is looked at by iptables. */
export function forwardTablesIn(text: string): string[] {
  const tables = chainsIn(text)
    .filter(({ family, table = '' }) => !(family === 'ip' && table === 'filter') && !table.startsWith(OURS))
    .map(({ family, table }) => `${family} ${table}`);
  return [...new Set(tables)];
}

/**
 * From what `nft -j list table` prints: `inet firewalld filter_FORWARD` for each chain of it that drops forwarded packets, by its policy or
 * by a rule for all of them (firewalld's way), and accepts none between pods before that.
 */
export function droppingChainsIn(text: string, network: string): string[] {
  const rules = new Map<string, ListedRule[]>();
  for (const { rule } of listed(text)) {
    const list = rules.get(rule?.chain ?? '');
    if (list) list.push(rule!);
    else if (rule) rules.set(rule.chain ?? '', [rule]);
  }
  const verdict = ({ name = '', policy }: ListedChain): 'accepts' | 'drops' => {
    for (const { expr = [] } of rules.get(name) ?? []) {
      if (accepts(expr, network, rules)) return 'accepts';
      if (expr.every((each) => 'counter' in each || 'log' in each || 'drop' in each || 'reject' in each) && isFinal(expr))
        return 'drops';
    }
    return policy === 'drop' ? 'drops' : 'accepts';
  };
  return chainsIn(text)
    .filter((chain) => verdict(chain) === 'drops')
    .map(({ family, table, name }) => `${family} ${table} ${name}`);
}

/**
 * From what `nft list chain ip docker-bridges raw-PREROUTING` prints (Docker 29 and later, with nftables): the rules that drop what comes for
 * pods from elsewhere than their bridge, as far as nothing accepts it before.
 */
export function dockerDropsIn(text: string, network: string | undefined): string[] {
  const pods = network === undefined ? undefined : parseCidr(network);
  if (!pods) return [];
  const drops: string[] = [];
  for (const line of text.split('\n').map((each) => each.trim())) {
    if (line.startsWith(`ip saddr ${network} ip daddr ${network} `) && line.endsWith('accept')) break;
    const target = /^ip daddr (\S+) iifname != .*\bdrop\b/.exec(line)?.[1];
    const block = target && parseCidr(target.includes('/') ? target : `${target}/32`);
    if (block && overlaps(block, pods)) drops.push(line);
  }
  return drops;
}

const isFinal = (expr: NonNullable<ListedRule['expr']>) => expr.some((each) => 'drop' in each || 'reject' in each);

function listed(text: string): NonNullable<Listed['nftables']> {
  return (JSON.parse(text || '{}') as Listed).nftables ?? [];
}

function chainsIn(text: string): ListedChain[] {
  return listed(text).flatMap(({ chain }) =>
    chain?.hook === 'forward' && (chain.family === 'inet' || chain.family === 'ip') ? [chain] : [],
  );
}

/** Whether a rule lets packets between pods through: it is for them, or for more, and accepts, or goes where everything is accepted. */
function accepts(
  expr: NonNullable<ListedRule['expr']>,
  network: string,
  rules: ReadonlyMap<string, readonly ListedRule[]>,
): boolean {
  let accepted = false;
  for (const each of expr) {
    if ('match' in each) {
      if (!isOfPods(each.match as Match, network)) return false;
    } else if ('accept' in each) accepted = true;
    else if ('goto' in each || 'jump' in each) {
      const { target = '' } = (each.goto ?? each.jump) as { target?: string };
      accepted = (rules.get(target) ?? []).some(({ expr: there = [] }) => there.length === 1 && 'accept' in there[0]!);
    } else if (!('counter' in each) && !('log' in each)) return false;
  }
  return accepted;
}

interface Match {
  readonly op?: string;
  readonly left?: { readonly payload?: { readonly field?: string }; readonly meta?: { readonly key?: string } };
  readonly right?: unknown;
}

function isOfPods({ op, left, right }: Match, network: string): boolean {
  if (op !== '==') return false;
  const { meta, payload } = left ?? {};
  if (meta?.key === 'iifname' || meta?.key === 'oifname') return typeof right === 'string' && right.startsWith(BRIDGE_PREFIX);
  if (payload?.field !== 'saddr' && payload?.field !== 'daddr') return false;
  const { prefix } = right as { prefix?: { addr?: string; len?: number } };
  const [block, pods] = [parseCidr(`${prefix?.addr}/${prefix?.len}`), parseCidr(network)];
  return block !== undefined && pods !== undefined && contains(block, pods);
}
