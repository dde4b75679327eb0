import { nodeIo } from '../../../cli/node-io.ts';
import { runServer } from '../../../bin/server.ts';

/** `terrane server` on free ports of loopback, for thousands of hosts that all come from one address. Argument: its data directory. */
const [data] = process.argv.slice(2);
const plenty = { burst: 1_000_000, refillMs: 1 };

await runServer({ data: data!, listen: '127.0.0.1:0', tlsListen: '127.0.0.1:0', json: true }, nodeIo(), {
  freePlan: { nodes: 100_000, clusters: 20, members: 50 },
  rateLimits: { joinPerIp: plenty, joinPerTenant: plenty },
});
