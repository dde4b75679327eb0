import { createInterface } from 'node:readline';
import { nodeIo } from '../../../cli/node-io.ts';
import { runServer } from '../../../bin/server.ts';

/** `terrane server` on free ports of loopback, with a clock that stands until it is told to move on: ms, a line each on stdin. Argument: its data directory. */
const [data] = process.argv.slice(2);
const plenty = { burst: 1_000_000, refillMs: 1 };
let moved = 0;

const lines = createInterface({ input: process.stdin });
lines.on('line', (line) => {
  moved += Number(line);
  console.log(JSON.stringify({ moved }));
});

await runServer({ data: data!, listen: '127.0.0.1:0', tlsListen: '127.0.0.1:0', json: true }, nodeIo(), {
  freePlan: { nodes: 1_000, clusters: 20, members: 50 },
  rateLimits: { joinPerIp: plenty, joinPerTenant: plenty },
  // Time itself goes on, for leases and hosts.
  clock: { now: () => Date.now() + moved },
});
// It would wait for more.
lines.close();
process.stdin.destroy();
