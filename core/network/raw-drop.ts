import { overlaps, parseCidr } from './ipv4.ts';

/**
 * Docker 28 and later drop what comes for a container from elsewhere than its bridge in iptables' table raw, before all other rules, unless
 * the container's network says that it does without (gateway mode nat-unprotected or routed). A network that an older engine made doesn't say
 * so, and can't be changed under its containers. Docker appends: an ACCEPT in front of its rules passes them by.
 */

/** The chain of ours in iptables' raw table. */
export const RAW_CHAIN = 'TERRANE-RAW';

/** For one container's address (28), or for a network's subnet. */
const DOCKER_DROP = /^-A PREROUTING -d (\S+) ! -i \S+ .*-j DROP$/;

const linesOf = (listing: string): string[] => listing.split('\n').map((line) => line.trim());
const acceptOf = (network: string, chain: string): string => `-A ${chain} -s ${network} -d ${network} -j ACCEPT`;
const JUMP = `-A PREROUTING -j ${RAW_CHAIN}`;

/** Rules of Docker's that drop packets between pods of `network`, as `iptables -t raw -S` (`listing`) shows them: those that nothing accepts before. */
export function rawDropsInTheWay(network: string, listing: string): string[] {
  const all = linesOf(listing);
  const chained = all.includes(acceptOf(network, RAW_CHAIN));
  const accepted = all.findIndex((line) => line === acceptOf(network, 'PREROUTING') || (chained && line === JUMP));
  const before = accepted === -1 ? all : all.slice(0, accepted);
  return before.filter((line) => dropsIn(network, line));
}

function dropsIn(network: string, line: string): boolean {
  const target = DOCKER_DROP.exec(line)?.[1];
  const [block, pods] = [parseCidr(target?.includes('/') ? target : `${target}/32`), parseCidr(network)];
  return block !== undefined && pods !== undefined && overlaps(block, pods);
}

/** What `iptables-restore --noflush` takes so that packets between pods pass Docker's rules by; undefined if nothing is missing, or nothing drops. */
export function rawScript(network: string, listing: string): string | undefined {
  const all = linesOf(listing);
  const there = all.includes(`-N ${RAW_CHAIN}`);
  const rules = all.filter((line) => line.startsWith(`-A ${RAW_CHAIN} `));
  const jumps = all.filter((line) => line === JUMP).length;
  const first = all.find((line) => line.startsWith('-A PREROUTING ')) === JUMP;
  const inTheWay = rawDropsInTheWay(network, listing).length > 0;
  if (!there && !inTheWay) return undefined;
  const whole = rules.length === 1 && rules[0] === acceptOf(network, RAW_CHAIN) && jumps === 1;
  // Others may stand before ours, as long as nothing of Docker's does.
  if (whole && (first || !inTheWay)) return undefined;
  const fewer = Array.from({ length: jumps }, () => `-D PREROUTING -j ${RAW_CHAIN}`);
  return [
    '*raw',
    `:${RAW_CHAIN} - [0:0]`,
    acceptOf(network, RAW_CHAIN),
    ...fewer,
    `-I PREROUTING 1 -j ${RAW_CHAIN}`,
    'COMMIT',
    '',
  ].join('\n');
}
