import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type AgentOptions, runAgent } from '../../../agent/main.ts';
import { unmountBelow } from '../../../agent/volumes/tmpfs.ts';
import type { FakeControlPlane } from './fake-control-plane.ts';

export interface TestAgent {
  readonly data: string;
  /** All that it said. */
  log(): string;
  /** Stops it in good order; its data stay. */
  stop(): Promise<void>;
  /** How it ended: undefined while it runs. */
  readonly ended: Promise<Error | undefined>;
}

/** An agent in this process, against a fake control plane and a real engine. */
export function startAgent(
  plane: Pick<FakeControlPlane, 'url' | 'token'>,
  docker: string,
  data: string,
  more: Partial<AgentOptions> & { now?: () => number } = {},
): TestAgent {
  const controller = new AbortController();
  const lines: string[] = [];
  const { now = Date.now, ...options } = more;
  const io = {
    err: {
      write: async (text: string) => {
        lines.push(text);
        if (process.env.AGENT_LOG) process.stderr.write(text);
      },
    },
    env: { TERRANE_TOKEN: plane.token },
    input: { readAll: async () => '' },
    now,
  };
  const running = runAgent({ server: plane.url, data, docker, healthPort: 0, json: false, podNetwork: 'none', ...options }, io, {
    signal: controller.signal,
  });
  const ended = running.then(
    () => undefined,
    (error: Error) => error,
  );
  return {
    data,
    log: () => lines.join(''),
    async stop() {
      controller.abort();
      await ended;
    },
    ended,
  };
}

/** A data directory of an agent; `remove` also unmounts what it mounted there. */
export async function agentData(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'trn-agent-'));
  return {
    path,
    async remove() {
      await unmountBelow(path);
      await rm(path, { recursive: true, force: true });
    },
  };
}
