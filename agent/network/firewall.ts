import { readFile, writeFile } from 'node:fs/promises';
import { chainRemoval, FORWARD_CHAIN, type FirewallInput, forwardScript, masqueradeScript } from '../../core/network/firewall.ts';
import { NETWORK_TABLE } from '../../core/network/names.ts';
import { RAW_CHAIN, rawScript } from '../../core/network/raw-drop.ts';
import { runCommand, ToolMissing } from '../kernel/command.ts';

/** Masquerading and forwarding for pods. Calls must not overlap. */
export interface Firewall {
  /** Makes it so, and repairs what others changed. Returns what could not be done, in words. */
  ensure(input: FirewallInput): Promise<string[]>;
  remove(): Promise<void>;
}

const FORWARD_SETTING = '/proc/sys/net/ipv4/ip_forward';

export function firewall(): Firewall {
  /** The script in force, and how nft shows what it made of it. */
  let held: { script: string; shown: string } | undefined;

  async function ensureMasquerade(input: FirewallInput): Promise<string | undefined> {
    const script = masqueradeScript(input);
    const shown = await listed();
    if (held?.script === script && held.shown === shown) return undefined;
    const { code, stderr } = await runCommand('nft', ['-f', '-'], script);
    if (code !== 0) return `nft: ${firstLine(stderr)}`;
    held = { script, shown: await listed() };
    return undefined;
  }

  async function ensureForwarding(network: string): Promise<undefined> {
    if ((await readFile(FORWARD_SETTING, 'utf8')).trim() !== '1') await writeFile(FORWARD_SETTING, '1\n');
    await restore(forwardScript(network, await listedIn('filter')));
    await restore(rawScript(network, await listedIn('raw')));
  }

  return {
    async ensure(input) {
      const problems: (string | undefined)[] = [];
      problems.push(await ensureMasquerade(input).catch(inWords));
      // Without iptables there are no rules of Docker's.
      problems.push(
        await ensureForwarding(input.network).catch((error) => (error instanceof ToolMissing ? undefined : inWords(error))),
      );
      return problems.filter((problem) => problem !== undefined);
    },
    async remove() {
      held = undefined;
      if ((await listed()) !== '') await runCommand('nft', ['delete', 'table', 'ip', NETWORK_TABLE]);
      await restore(chainRemoval('filter', FORWARD_CHAIN, await listedIn('filter')));
      await restore(chainRemoval('raw', RAW_CHAIN, await listedIn('raw')));
    },
  };
}

/** A table of iptables; '' where there is none: nothing in it drops anything. */
async function listedIn(table: 'filter' | 'raw'): Promise<string> {
  const { code, stdout } = await runCommand('iptables', ['-w', '-t', table, '-S']);
  return code === 0 ? stdout : '';
}

async function restore(script: string | undefined): Promise<void> {
  if (script === undefined) return;
  const { code, stderr } = await runCommand('iptables-restore', ['-w', '--noflush'], script);
  if (code !== 0) throw new Error(`iptables-restore: ${firstLine(stderr)}`);
}

async function listed(): Promise<string> {
  return (await runCommand('nft', ['list', 'table', 'ip', NETWORK_TABLE])).stdout;
}

function inWords(error: unknown): string {
  if (error instanceof ToolMissing) return `${error.message}: ${error.fix}`;
  return error instanceof Error ? error.message : String(error);
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
