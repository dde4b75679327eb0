import { FIRST_SETTINGS } from '../core/node/assignment.ts';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { bundleAgent, spawnAgent } from '../test/integration/agent/agent-process.ts';
import { fakeControlPlane, podOf } from '../test/integration/agent/fake-control-plane.ts';
import { startDockerd } from '../test/support/dockerd.ts';
import { BUSYBOX, importBusybox } from '../test/support/images.ts';

/**
 * What an agent costs a host on which nothing happens: memory and processor time of the bundled agent with ten running
 * containers, over half a minute, with the reports and polls of a normal host; beside the engine's. On this Node, and on the
 * runtime that is installed on hosts if `npm run build` has made it.
 */

const CONTAINERS = 10;
const SETTLE_MS = 10_000;
const MEASURE_MS = 30_000;
/** As bin/build makes the launcher call it. */
const HOST_FLAGS = ['--optimize-for-size', '--max-semi-space-size=1', '--max-old-space-size=64'];
/** Of /proc/<pid>/stat: USER_HZ. */
const TICKS_PER_SECOND = 100;

interface Usage {
  readonly rssMb: number;
  readonly cpuPercent: number;
}

export async function run(): Promise<Record<string, number>> {
  const unpacked = mkdtempSync(join(tmpdir(), 'trn-bench-runtime-'));
  const host = installedRuntime(unpacked);
  const here = await measure({ label: `Node ${process.versions.node}` });
  const figures: Record<string, number> = {
    idle_rss_mb: here.agent.rssMb,
    idle_cpu_percent: here.agent.cpuPercent,
    dockerd_rss_mb: here.engine.rssMb,
    dockerd_cpu_percent: here.engine.cpuPercent,
  };
  if (host) {
    const there = await measure({ label: "the hosts' runtime", node: host, flags: HOST_FLAGS });
    figures.host_runtime_idle_rss_mb = there.agent.rssMb;
    figures.host_runtime_idle_cpu_percent = there.agent.cpuPercent;
  } else console.log('the runtime that hosts get is not built (npm run build): measured on this Node only');
  rmSync(unpacked, { recursive: true, force: true });
  return figures;
}

async function measure({
  label,
  node,
  flags = [],
}: {
  label: string;
  node?: string;
  flags?: string[];
}): Promise<{ agent: Usage; engine: Usage }> {
  const data = mkdtempSync(join(tmpdir(), 'trn-bench-agent-'));
  const [dockerd, plane, bundle] = await Promise.all([startDockerd(), fakeControlPlane(), bundleAgent()]);
  try {
    await importBusybox(dockerd.socket);
    const pods = Array.from({ length: CONTAINERS }, (_, i) =>
      podOf(`idle-${i}`, { containers: [{ name: 'main', image: BUSYBOX, command: ['sleep', '100000'] }] }),
    );
    plane.assign({ pods, settings: FIRST_SETTINGS });
    const { url: server, token } = plane;
    const runtime = { ...(node ? { node } : {}), nodeFlags: flags };
    const agent = spawnAgent({ bundle, server, token, docker: dockerd.socket, data, ...runtime });
    await plane.until('all run', () => pods.every(({ metadata }) => plane.pod(metadata.name)?.status.phase === 'Running'));
    await delay(SETTLE_MS);
    const processes = { agent: [agent.pid], engine: [dockerd.pid, ...childrenOf(dockerd.pid)] };
    const before = { agent: ticks(processes.agent), engine: ticks(processes.engine) };
    const since = performance.now();
    await delay(MEASURE_MS);
    const seconds = (performance.now() - since) / 1000;
    const usage = (which: 'agent' | 'engine'): Usage => ({
      rssMb: round(rss(processes[which])),
      cpuPercent: round(((ticks(processes[which]) - before[which]) / TICKS_PER_SECOND / seconds) * 100),
    });
    const result = { agent: usage('agent'), engine: usage('engine') };
    console.log(
      `${label}: idle with ${CONTAINERS} containers, agent ${result.agent.rssMb} MB and ${result.agent.cpuPercent} % of a core; ` +
        `dockerd with containerd ${result.engine.rssMb} MB and ${result.engine.cpuPercent} %`,
    );
    await agent.kill('SIGTERM');
    return result;
  } finally {
    await plane.stop();
    await dockerd.stop();
    await bundle.remove();
    rmSync(data, { recursive: true, force: true });
  }
}

/** The Node in the archive that `npm run build` makes for hosts of this architecture, unpacked into `directory`. */
function installedRuntime(directory: string): string | undefined {
  const built = existsSync('dist/agent') ? readdirSync('dist/agent') : [];
  const archive = built.find((name) => name.endsWith(`-linux-${process.arch}.tar.gz`));
  if (!archive) return undefined;
  execFileSync('tar', ['-xzf', join('dist/agent', archive), '-C', directory, 'bin/node']);
  return join(directory, 'bin', 'node');
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
}

function ticks(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return sum + Number(fields[11]) + Number(fields[12]);
  }, 0);
}

function rss(pids: readonly number[]): number {
  return (
    pids.reduce((sum, pid) => sum + Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0), 0) /
    1024
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
