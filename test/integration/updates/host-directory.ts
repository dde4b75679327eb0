import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentBundle } from '../agent/agent-process.ts';

/** What the stand-in hosts of these tests have in common: an agent as hosts run it, with its data in `data` of the host's directory. */

export interface AgentOf {
  readonly bundle: AgentBundle;
  readonly server: string;
  readonly docker: string;
}

/** For Node, below `directory`: it touches nothing of this machine's network. */
export function agentArgs(directory: string, { bundle, server, docker }: AgentOf): string[] {
  const none = ['--pod-network', 'none', '--etcd-listen', 'none', '--health-port', '0'];
  return [bundle.path, '--server', server, '--docker', docker, '--data', join(directory, 'data'), ...none];
}

/** Where the update of the system has got to, as the agent notes it for the case that it is killed. */
export function updateJournal(directory: string): { phase: string } | undefined {
  const file = join(directory, 'data/updates/os.json');
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { phase: string }) : undefined;
}
