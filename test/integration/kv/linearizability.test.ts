import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Config } from '../../../cli/config/config.ts';
import { type Installation, startInstallation } from '../../e2e/support/installation.ts';
import { checkOrder } from '../../sim/histories/check-order.ts';
import { checkRegisters } from '../../sim/histories/check-registers.ts';
import type { Call } from '../../sim/histories/history.ts';
import { REGISTERS } from '../../sim/histories/workload.ts';
import { logOf } from './json-codec.ts';

const CLIENTS = 4;
const CALLS = 120;
const KILLS = 3;

describe('the embedded server under kill -9, with several client processes', () => {
  let installation: Installation;
  let gateway: string;
  let authorization: string;
  beforeAll(async () => {
    installation = await startInstallation();
    const config = JSON.parse(readFileSync(join(installation.dir, 'config.json'), 'utf8')) as Config;
    const { token, cluster } = config.contexts[config.current!]!;
    authorization = `Bearer ${token}`;
    gateway = `${installation.http}/clusters/${cluster!.id}/etcd`;
  }, 120_000);
  afterAll(() => installation?.stop());

  const client = async (name: string, calls: Call[]): Promise<void> => {
    const args = ['--import', 'tsx', join(import.meta.dirname, 'history-client.ts'), gateway, authorization, name, String(CALLS)];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '', NODE_NO_WARNINGS: '1' },
    });
    for await (const line of createInterface(child.stdout)) calls.push(parse(line));
  };

  test('its history is strictly serializable, and nothing that it acknowledged is lost', async () => {
    const calls: Call[] = [];
    const clients = Promise.all(Array.from({ length: CLIENTS }, (_, n) => client(`c${n}`, calls)));
    let over = false;
    void clients.finally(() => {
      over = true;
    });
    for (let kills = 0; kills < KILLS && !over; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      if (calls.length < ((kills + 1) * CLIENTS * CALLS) / (KILLS + 1)) continue;
      kills++;
      await installation.stopServer('SIGKILL');
      await installation.startServer();
    }
    await clients;

    const log = logOf(await watchAll(gateway, authorization));
    expect(log.length).toBeGreaterThan(50);
    expect(checkOrder({ calls, log })).toEqual([]);
    expect(checkRegisters(calls, REGISTERS)).toEqual([]);
    const count = (type: Call['outcome']['type']) => calls.filter(({ outcome }) => outcome.type === type).length;
    expect(calls).toHaveLength(CLIENTS * CALLS);
    expect(count('ok')).toBeGreaterThan(calls.length / 2);
    expect(count('unknown')).toBeGreaterThan(0);
  }, 180_000);
});

function parse(line: string): Call {
  return JSON.parse(line, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null) return each;
    if ('$bigint' in each) return BigInt(each.$bigint as string);
    return '$bytes' in each ? new Uint8Array(Buffer.from(each.$bytes as string, 'base64')) : each;
  }) as Call;
}

/** Every answer of a watch from the beginning up to now. */
async function watchAll(gateway: string, authorization: string): Promise<Record<string, unknown>[]> {
  const headers = { authorization, 'content-type': 'application/json' };
  const everything = { key: Buffer.from([0]).toString('base64'), range_end: Buffer.from([0]).toString('base64') };
  const ask = (path: string, body: object, signal?: AbortSignal) =>
    fetch(`${gateway}${path}`, { method: 'POST', headers, body: JSON.stringify(body), ...(signal ? { signal } : {}) });
  const { header } = (await (await ask('/v3/kv/range', { ...everything, count_only: true })).json()) as {
    header: { revision: string };
  };
  const stop = new AbortController();
  const watch = { create_request: { ...everything, start_revision: '1', prev_kv: true } };
  const response = await ask('/v3/watch', watch, stop.signal);
  const answers: Record<string, unknown>[] = [];
  let rest = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!;
    for (const line of lines) if (line) answers.push(JSON.parse(line) as Record<string, unknown>);
    if (logOf(answers).at(-1)?.revision === Number(header.revision)) break;
  }
  stop.abort();
  return answers;
}
