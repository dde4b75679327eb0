import { load } from '../test/support/load/load.ts';

/**
 * Many hosts against one embedded server on loopback, by the agents' own uplink code; LOAD_AGENTS says how many (2,000), LOAD_PODS for how many pods (one each). All run on this
 * machine: the agents' half of the work (keys, signatures, JSON) takes from the server's.
 */
export async function run(): Promise<Record<string, number>> {
  const count = Number(process.env['LOAD_AGENTS'] ?? 2_000);
  const pods = Number(process.env['LOAD_PODS'] ?? count);
  const figures = await load(count, (text) => console.log(`  ${text}`), 300_000, pods);
  const { timings, errors, lost } = figures;
  const ms = (name: string, percent: number) => Math.round(timings.percentile(name, percent));
  console.log(`\n  ${'request'.padEnd(22)}${'count'.padStart(8)}${'p50 ms'.padStart(9)}${'p99 ms'.padStart(9)}`);
  for (const name of ['join', 'report', 'assignment', 'list', 'apply to assignment', 'hint to assignment'])
    console.log(
      `  ${name.padEnd(22)}${String(timings.count(name)).padStart(8)}${String(ms(name, 50)).padStart(9)}${String(ms(name, 99)).padStart(9)}`,
    );
  console.log(`  errors ${errors.length}, hosts that lost something ${lost.length}`);
  console.log(`  server: ${figures.serverRssMb} MB, event loop behind by ${figures.eventLoopP99Ms} ms (p99)`);
  for (const text of [...errors, ...lost].slice(0, 10)) console.log(`    ${text}`);
  return {
    agents: count,
    errors: errors.length,
    lost: lost.length,
    join_seconds: figures.joinSeconds,
    ready_seconds: figures.readySeconds,
    pods,
    bound_seconds: figures.boundSeconds,
    bound_pods_per_s: pods / figures.boundSeconds,
    rollout_seconds: figures.rolloutSeconds,
    change_seconds: figures.changeSeconds,
    join_p99_ms: ms('join', 99),
    report_p99_ms: ms('report', 99),
    assignment_p99_ms: ms('assignment', 99),
    hint_to_assignment_p99_ms: ms('hint to assignment', 99),
    server_rss_mb: figures.serverRssMb,
    event_loop_p99_ms: figures.eventLoopP99Ms,
  };
}
