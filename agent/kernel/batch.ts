import { runCommand } from './command.ts';

/** A line that was refused. */
export interface Refused {
  readonly line: string;
  /** What the tool said to it. */
  readonly reason: string;
}

/**
 * Runs lines through `ip -batch` or `bridge -batch`: one process for any number of them. A line that fails does not keep the others from
 * being tried. `prefix` runs it elsewhere, e.g. `['nsenter', '--net=/run/netns/h1']`. Throws ToolMissing.
 */
export async function runBatch(
  tool: 'ip' | 'bridge',
  lines: readonly string[],
  prefix: readonly string[] = [],
): Promise<Refused[]> {
  if (lines.length === 0) return [];
  const [command, ...args] = [...prefix, tool, '-force', '-batch', '-'];
  const { code, stderr } = await runCommand(command!, args, `${lines.join('\n')}\n`);
  if (code === 0) return [];
  return refusedLines(lines, stderr);
}

/** The tools write what was wrong, and then `Command failed -:3` with the line's number from 1. */
export function refusedLines(lines: readonly string[], stderr: string): Refused[] {
  const refused: Refused[] = [];
  let said: string[] = [];
  for (const text of stderr.split('\n')) {
    const number = /^Command failed -:(\d+)$/.exec(text)?.[1];
    if (number === undefined) {
      if (text.trim() !== '') said.push(text.trim());
      continue;
    }
    refused.push({ line: lines[Number(number) - 1] ?? '', reason: said.join(' ') || 'refused' });
    said = [];
  }
  // It ended without naming a line: out of memory, or a time-out.
  if (refused.length === 0) refused.push({ line: lines[0]!, reason: said.join(' ') || 'the tool failed' });
  return refused;
}
