import { setTimeout as pause } from 'node:timers/promises';
import type { Call } from '../../sim/histories/history.ts';
import { Random } from '../../sim/histories/random.ts';
import { randomRequest } from '../../sim/histories/workload.ts';
import { PATH, responseOf, toJson } from './json-codec.ts';

/**
 * A client of etcd's JSON gateway that does all sorts of things, one after the other, whatever becomes of the server: `history-client.ts
 * URL AUTHORIZATION NAME CALLS`. Prints each call with what came of it as a line of JSON; bytes and big numbers in the form of serialise().
 */

const [url, authorization, name, calls] = process.argv.slice(2) as [string, string, string, string];
const THINK_MS = 20;
const TIMEOUT_MS = 10_000;

/** One clock for all processes of the machine, microseconds; the process number in the fraction makes instants differ. */
const instant = () => Number(process.hrtime.bigint() / 1000n) + (process.pid % 1000) / 1e4;

export function serialise(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return { $bigint: String(each) };
    return each instanceof Uint8Array ? { $bytes: Buffer.from(each).toString('base64') } : each;
  });
}

async function main(): Promise<void> {
  const random = new Random(Buffer.from(name).reduce((sum, byte) => sum * 31 + byte, Number(calls)));
  let revision = 1;
  for (let n = 0; n < Number(calls); n++) {
    await pause(THINK_MS * random.next());
    const request = randomRequest(random, { revision, leases: [], freshValue: `${name}.${n}` });
    const startedAt = instant();
    const outcome = await ask(request);
    if (outcome.type === 'ok') revision = Math.max(revision, outcome.response.revision);
    process.stdout.write(`${serialise({ client: name, ...request, outcome, startedAt, endedAt: instant() })}\n`);
    // A server that is away comes back.
    if (outcome.type === 'unknown') await pause(200);
  }
}

async function ask(request: Parameters<typeof toJson>[0]): Promise<Call['outcome']> {
  try {
    const response = await fetch(`${url}${PATH[request.method]}`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: JSON.stringify(toJson(request)),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const json = (await response.json()) as Record<string, unknown>;
    if (response.ok) return { type: 'ok', response: responseOf(request.method, json) as never };
    if (response.status >= 500 || response.status === 429) return { type: 'unknown' };
    return { type: 'refused', error: String(json['error'] ?? json['message']) };
  } catch {
    return { type: 'unknown' };
  }
}

await main();
