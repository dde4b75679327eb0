import { execFile } from 'node:child_process';
import type { Logger } from '../../core/ports/logger.ts';
import type { StaleFlow } from '../../core/network/services/stale-flows.ts';

/** Makes the kernel forget flows of UDP. Does what it can: without conntrack(8) such flows end when their clients pause. */
export type ForgetFlows = (flows: readonly StaleFlow[]) => Promise<void>;

const TIMEOUT_MS = 10_000;
/** Each costs a process: beyond, all that went to these doors is forgotten at once. */
const ONE_BY_ONE_MAX = 50;

/** `prefix` runs it elsewhere, e.g. `['nsenter', '--net=/run/netns/h1']`. */
export function conntrack(log: Logger, prefix: readonly string[] = []): ForgetFlows {
  let missing = false;

  function run(args: readonly string[]): Promise<void> {
    const [command, ...rest] = [...prefix, 'conntrack', ...args];
    return new Promise((resolve) => {
      execFile(command!, rest, { timeout: TIMEOUT_MS }, (error) => {
        // It ends with 1 when there was no such flow.
        if ((error as NodeJS.ErrnoException | null)?.code === 'ENOENT' && !missing) {
          missing = true;
          log.info('conntrack is not installed: UDP clients of an endpoint that vanishes notice when they pause for 30 s');
        }
        resolve();
      });
    });
  }

  return async (flows) => {
    const calls = new Map<string, string[]>();
    for (const { address, port, endpoint } of flows) {
      const exact = flows.length <= ONE_BY_ONE_MAX && endpoint !== undefined;
      const args = ['-D', '-p', 'udp', '--orig-port-dst', String(port)];
      if (address !== undefined) args.push('--orig-dst', address);
      if (exact) args.push('--reply-src', endpoint);
      calls.set(args.join(' '), args);
    }
    for (const args of calls.values()) {
      if (missing) return;
      await run(args);
    }
  };
}
