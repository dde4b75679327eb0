import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { FENCED_ANNOTATION } from '../../../core/node/fencing.ts';
import type { Event } from '../../../core/resources/schema/event.ts';
import type { Pod } from '../../../core/resources/schema/pod.ts';
import { eventually, explainBy } from '../../support/eventually.ts';
import { ask, hostAt, runningPod } from '../../support/lambda/visitors.ts';

/** Least times that are allowed, so that one is over soon. */
const TIMES = { notReadySeconds: '15', renewSeconds: '2', fencedStopSeconds: '5', reportSeconds: '2' };
/** Longer than `notReadySeconds` by more than the last reports can be old. */
const STOPPED_MS = 22_000;

let dataDir: string;
let server: ChildProcess;
let url: string;
let token: string;
const log: string[] = [];
const silence = explainBy(() => log.slice(-30).join('\n'));

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'terrane-still-'));
  const program = join(import.meta.dirname, '../../support/load/server.ts');
  server = spawn(process.execPath, ['--import', 'tsx', program, dataDir], { stdio: ['ignore', 'pipe', 'pipe'] });
  createInterface({ input: server.stderr! }).on('line', (line) => log.push(line));
  const [line] = (await once(createInterface({ input: server.stdout! }), 'line')) as [string];
  url = (JSON.parse(line) as { http: string }).http;
  const person = { email: 'still@example.com', password: 'correct horse battery', organisation: 'Still' };
  token = ((await ask(`${url}/v1/signup`, 'POST', undefined, person)).json as { token: string }).token;
}, 60_000);

afterAll(async () => {
  silence();
  server.kill('SIGCONT');
  server.kill('SIGTERM');
  if (server.exitCode === null) await once(server, 'exit');
  rmSync(dataDir, { recursive: true, force: true });
}, 60_000);

test('a control plane that stood still for longer than the host timeout gives up no host that reports right after, and moves nothing', async () => {
  const cluster = ((await ask(`${url}/v1/clusters`, 'POST', token, { name: 'still' })).json as { id: string }).id;
  const api = `${url}/clusters/${cluster}/api/v1`;
  const made = async (path: string, body: object) => expect((await ask(`${api}${path}`, 'POST', token, body)).status).toBe(201);
  const items = async <T>(path: string) => ((await ask(`${api}${path}`, 'GET', token)).json as { items: T[] }).items;
  const pods = () => items<Pod>('/namespaces/default/pods');
  await made('/namespaces/terrane-system/configmaps', { metadata: { name: 'cluster-settings' }, data: TIMES });

  const hosts = await Promise.all(
    ['a', 'b'].map(async (name) => {
      const { json } = await ask(`${url}/v1/tokens`, 'POST', token, { kind: 'join', cluster });
      const host = hostAt(url);
      expect((await host.join((json as { secret: string }).secret, name)).status).toBe(200);
      return { name, host };
    }),
  );
  const report = async () => {
    const placed = await pods();
    for (const { name, host } of hosts) {
      const answer = await host.report(placed.filter(({ spec }) => spec.nodeName === name).map(runningPod));
      expect(answer.status).toBe(200);
    }
  };
  await report();
  const annotations = { [FENCED_ANNOTATION]: 'true' };
  const spec = { containers: [{ name: 'db', image: 'db:1' }] };
  await made('/namespaces/default/pods', { metadata: { name: 'db', annotations }, spec });
  const running = await eventually('the fenced pod runs', async () => {
    await report();
    const [pod] = await pods();
    expect(pod?.status?.phase).toBe('Running');
    return pod!;
  });

  server.kill('SIGSTOP');
  await pause(STOPPED_MS);
  server.kill('SIGCONT');
  // That it is placed shows that hosts were looked at since.
  await made('/namespaces/default/pods', { metadata: { name: 'after' }, spec });
  await eventually('the next pod is placed', async () => {
    await report();
    expect((await pods()).find(({ metadata }) => metadata.name === 'after')?.spec.nodeName).toBeDefined();
  });
  expect(log.filter((line) => line.includes('time was missed'))).not.toEqual([]);
  const events = (await items<Event>('/events')).map(({ reason }) => reason);
  expect(events.filter((reason) => ['NodeNotReady', 'TaintManagerEviction'].includes(reason ?? ''))).toEqual([]);
  const after = (await pods()).find(({ metadata }) => metadata.name === 'db');
  expect([after?.metadata.uid, after?.spec.nodeName]).toEqual([running.metadata.uid, running.spec.nodeName]);
}, 120_000);
