import type { UpdateHealth } from '../../core/updates/driven-hosts.ts';
import { abortableDelay } from '../abortable-delay.ts';
import type { RunCommand } from './run-command.ts';

/** What the agent itself knows of its health. */
export interface HostHealth {
  /** The control plane has answered since this agent began. */
  connected(): boolean;
  /** Why no engine answers; undefined: one does. */
  engineProblem(): string | undefined;
}

export interface HealthGateOptions {
  readonly health: UpdateHealth;
  readonly host: HostHealth;
  readonly run: RunCommand;
  readonly signal: AbortSignal;
  /** Of the machine, ms. */
  readonly uptime: () => number;
}

const EVERY_MS = 2_000;
/** What is well only for a moment is not: so many looks in a row. */
const LOOKS = 3;
const COMMAND_MS = 60_000;

/** Everything that is wrong with this host, in words; empty: it is well. */
export async function healthProblems({ health, host, run, signal }: Omit<HealthGateOptions, 'uptime'>): Promise<string[]> {
  const problems: string[] = [];
  if (!host.connected()) problems.push('the agent does not reach the control plane');
  const engine = host.engineProblem();
  if (engine !== undefined) problems.push(`no container engine answers: ${engine}`);
  for (const unit of health.units) {
    const { code, stdout } = await run('systemctl', ['is-active', unit], { signal });
    if (code === 0) continue;
    const { stdout: journal } = await run('journalctl', ['-u', unit, '-n', '15', '-o', 'cat', '--no-pager'], { signal });
    problems.push(`${unit} is ${stdout.trim() || 'not active'}\n${journal.trim()}`.trim());
  }
  const [command, ...args] = health.command ?? [];
  if (command !== undefined) {
    const { code, log } = await run(command, args, { signal, timeoutMs: COMMAND_MS });
    if (code !== 0) problems.push(`${command} ended with code ${code}: ${log.trim().slice(-1500)}`);
  }
  return problems;
}

/** Resolves with no problems once the host has been well for a few looks, or with what is wrong when uptime reaches `until`. */
export async function healthGate(options: HealthGateOptions, until: number): Promise<string[]> {
  const { signal, uptime, health } = options;
  // A group that leaves little time wants quick answers.
  const everyMs = Math.min(EVERY_MS, health.timeoutSeconds * 100);
  for (let well = 0; ; ) {
    const problems = await healthProblems(options);
    well = problems.length === 0 ? well + 1 : 0;
    if (well === LOOKS) return [];
    if (signal.aborted) return ['the agent is stopping'];
    if (problems.length > 0 && uptime() >= until) return problems;
    await abortableDelay(everyMs, signal);
  }
}
