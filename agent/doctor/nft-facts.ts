interface Listed {
  readonly nftables?: readonly {
    readonly chain?: {
      readonly family?: string;
      readonly table?: string;
      readonly name?: string;
      readonly hook?: string;
      readonly policy?: string;
    };
  }[];
}

/**
 * From what `nft -j list chains` prints: `inet firewalld filter_FORWARD` for each chain that drops forwarded IPv4 packets by its policy.
 * iptables' own table is looked at by iptables.
 */
export function droppingChainsIn(text: string): string[] {
  return ((JSON.parse(text || '{}') as Listed).nftables ?? []).flatMap(({ chain }) => {
    if (chain?.hook !== 'forward' || chain.policy !== 'drop') return [];
    if (chain.family !== 'inet' && chain.family !== 'ip') return [];
    return chain.family === 'ip' && chain.table === 'filter' ? [] : [`${chain.family} ${chain.table} ${chain.name}`];
  });
}
