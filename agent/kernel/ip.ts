import { IP_DUMP, FDB_DUMP, readDumps } from '../../core/network/kernel/dumps.ts';
import type { ObservedNetwork } from '../../core/network/kernel/state.ts';
import { batchLineOf, type NetworkStep } from '../../core/network/kernel/steps.ts';
import { type Refused, runBatch } from './batch.ts';
import { runCommand } from './command.ts';

/** The kernel's network as it is; `prefix` as of runBatch. Throws ToolMissing, or an Error when the tools can't tell. */
export async function observeNetwork(prefix: readonly string[] = []): Promise<ObservedNetwork> {
  const run = ([command, ...args]: readonly string[], input?: string) => runCommand(command!, args, input);
  const [ip, fdb] = await Promise.all([
    run([...prefix, 'ip', '-j', '-d', '-force', '-batch', '-'], `${IP_DUMP.join('\n')}\n`),
    run([...prefix, 'bridge', '-j', ...FDB_DUMP]),
  ]);
  if (ip.stdout.trim() === '') throw new Error(`ip shows nothing: ${ip.stderr.trim()}`);
  return readDumps(ip.stdout, fdb.code === 0 ? fdb.stdout : '');
}

/**
 * Takes the steps: devices first, then side by side what the two tools do. A route may come before the forwarding entry that it needs;
 * a packet that is faster than both is sent again by who sent it. Throws ToolMissing.
 */
export async function applySteps(steps: readonly NetworkStep[], prefix: readonly string[] = []): Promise<Refused[]> {
  const isLink = ({ type }: NetworkStep) =>
    type === 'removeLink' || type === 'addVxlan' || type === 'addWireguard' || type === 'setLink';
  const lines = (tool: 'ip' | 'bridge', chosen: readonly NetworkStep[]) =>
    chosen.map(batchLineOf).flatMap((one) => (one.tool === tool ? [one.line] : []));
  const run = (tool: 'ip' | 'bridge', chosen: readonly NetworkStep[]) => runBatch(tool, lines(tool, chosen), prefix);
  const links = await run('ip', steps.filter(isLink));
  const rest = steps.filter((step) => !isLink(step));
  const [ip, bridge] = await Promise.all([run('ip', rest), run('bridge', rest)]);
  return [...links, ...ip, ...bridge];
}
