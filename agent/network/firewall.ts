import { readFile, writeFile } from 'node:fs/promises';
import { type FirewallInput, forwardRemoval, forwardScript, masqueradeScript } from '../../core/network/firewall.ts';
import { NETWORK_TABLE } from '../../core/network/names.ts';
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

  async function ensureForwarding(network: string): Promise<string | undefined> {
    if ((await readFile(FORWARD_SETTING, 'utf8')).trim() !== '1') await writeFile(FORWARD_SETTING, '1\n');
    const listing = await runCommand('iptables', ['-w', '-S']);
    // Where there is no filter table at all, there is no DROP.
    if (listing.code !== 0) return undefined;
    const script = forwardScript(network, listing.stdout);
    if (!script) return undefined;
    const { code, stderr } = await runCommand('iptables-restore', ['-w', '--noflush'], script);
    return code === 0 ? undefined : `iptables-restore: ${firstLine(stderr)}`;
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
      const { code, stdout } = await runCommand('iptables', ['-w', '-S']);
      const script = code === 0 ? forwardRemoval(stdout) : undefined;
      if (script) await runCommand('iptables-restore', ['-w', '--noflush'], script);
    },
  };
}

async function listed(): Promise<string> {
  return (await runCommand('nft', ['list', 'table', 'ip', NETWORK_TABLE])).stdout;
}

function inWords(error: unknown): string {
  if (error instanceof ToolMissing) return `${error.message}: ${error.fix}`;
  return error instanceof Error ? error.message : String(error);
}

const firstLine = (text: string): string => text.trim().split('\n')[0] ?? '';
