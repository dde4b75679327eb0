import { describe, expect, test } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '../core/ports/logger.ts';
import { agentLogger } from './agent-log.ts';
import { serverTime } from './clock-offset.ts';
import { eventLog } from './event-log.ts';
import { metrics } from './health/metrics.ts';
import { type AgentOptions, readCa, readToken, serverUrl } from './options.ts';
import { NOW, pod } from './testing/pods.ts';

describe('log lines', () => {
  const line = (json: boolean) => {
    let text = '';
    const log = agentLogger(
      (one) => (text += one),
      () => NOW,
      json,
    );
    log.warn('it failed', { reason: 'no "space" left', times: 3 });
    return text;
  };
  test('are for people', () => {
    expect(line(false)).toBe('2026-06-01T12:00:00.000Z warn  it failed reason="no \\"space\\" left" times=3\n');
  });
  test('or for machines', () => {
    expect(JSON.parse(line(true))).toEqual({
      time: '2026-06-01T12:00:00.000Z',
      level: 'warn',
      message: 'it failed',
      reason: 'no "space" left',
      times: 3,
    });
  });
});

describe('happenings', () => {
  test("are told in the control plane's time, each once, until they are old", () => {
    let now = NOW;
    const events = eventLog({ serverTime: () => now, log: silentLogger, onAdd: () => undefined });
    events.add({ type: 'Normal', reason: 'Started', message: 'x'.repeat(2000), pod: pod(), container: 'main' });
    now += 60_000;
    events.add({ type: 'Warning', reason: 'Failed', message: 'short' });
    const [first, second] = events.recent();
    expect(first).toMatchObject({
      at: NOW,
      reason: 'Started',
      pod: { namespace: 'default', name: 'web', uid: 'uid-web' },
      container: 'main',
    });
    expect(first!.message).toHaveLength(1024);
    expect(first!.id).not.toBe(second!.id);
    now += 61_000;
    expect(events.recent().map(({ reason }) => reason)).toEqual(['Failed']);
  });

  test('that go on and on are told a few times, and then now and then; others are told beside them', () => {
    let now = NOW;
    let told = 0;
    const events = eventLog({ serverTime: () => now, log: silentLogger, onAdd: () => told++ });
    for (let second = 0; second < 600; second++, now += 1000) {
      events.add({ type: 'Warning', reason: 'Unhealthy', message: `failed, try ${second}`, pod: pod(), container: 'main' });
    }
    expect(told).toBe(9);
    events.add({ type: 'Warning', reason: 'Unhealthy', message: 'failed', pod: pod('other'), container: 'main' });
    events.add({ type: 'Normal', reason: 'Killing', message: 'stopped', pod: pod(), container: 'main' });
    expect(told).toBe(11);
  });
});

test("the control plane's time is learnt, and the host's clock left alone", () => {
  const time = serverTime({ now: () => NOW });
  expect(time.now()).toBe(NOW);
  expect(time.learn(NOW - 3_600_000)).toBe(3_600_000);
  expect([time.now(), time.fromHost(NOW + 1000), time.text(NOW)]).toEqual([
    NOW - 3_600_000,
    NOW - 3_599_000,
    '2026-06-01T11:00:00Z',
  ]);
});

test("numbers are in Prometheus' text format", () => {
  const counted = metrics();
  counted.count('terrane_agent_steps_total', { step: 'startContainer', result: 'ok' });
  counted.count('terrane_agent_steps_total', { step: 'startContainer', result: 'ok' });
  const text = counted.text({ terrane_agent_pods: { help: 'Pods.', value: 2 } });
  expect(text).toContain(
    '# TYPE terrane_agent_steps_total counter\nterrane_agent_steps_total{step="startContainer",result="ok"} 2\n',
  );
  expect(text).toContain('terrane_agent_reports_total 0\n');
  expect(text).toContain('# TYPE terrane_agent_pods gauge\nterrane_agent_pods 2\n');
});

describe('options', () => {
  const options: AgentOptions = { server: '', data: '/nowhere', docker: '', healthPort: 0, json: false };
  const io = (env: Record<string, string>, input = '') => ({
    err: { write: async () => undefined },
    env,
    input: { readAll: async () => input },
    now: () => NOW,
  });
  const inTemporary = async (work: (directory: string) => Promise<void>) => {
    const directory = mkdtempSync(join(tmpdir(), 'trn-options-'));
    await work(directory).finally(() => rmSync(directory, { recursive: true }));
  };

  test('the token comes from a file, standard input or the environment, and without one it is said how to get it', () =>
    inTemporary(async (directory) => {
      const file = join(directory, 'token');
      writeFileSync(file, ' trn_join_1 \n');
      expect(await readToken({ ...options, tokenFile: file }, io({ TERRANE_TOKEN: 'other' }))).toBe('trn_join_1');
      expect(await readToken(options, io({ TERRANE_TOKEN_FILE: file }))).toBe('trn_join_1');
      expect(await readToken(options, io({ TERRANE_TOKEN: 'trn_join_2' }))).toBe('trn_join_2');
      expect(await readToken({ ...options, tokenFile: '-' }, io({}, 'trn_join_3\n'))).toBe('trn_join_3');
      const missing = { fix: expect.stringContaining('terrane token create --kind join') as unknown as string };
      await expect(readToken(options, io({}))).rejects.toMatchObject(missing);
      await expect(readToken({ ...options, tokenFile: join(directory, 'none') }, io({}))).rejects.toMatchObject(missing);
    }));

  test('the certificate authority is the one given, or the one in the data directory', () =>
    inTemporary(async (directory) => {
      const pem = '-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n';
      expect(await readCa({ ...options, data: directory })).toBeUndefined();
      writeFileSync(join(directory, 'ca.pem'), pem);
      expect(await readCa({ ...options, data: directory })).toBe(pem);
      writeFileSync(join(directory, 'bad.pem'), 'x');
      await expect(readCa({ ...options, ca: join(directory, 'bad.pem') })).rejects.toThrow('holds no certificate');
    }));

  test.each(['control.example', 'ftp://control.example', ''])('%j is no address of a control plane', (text) => {
    expect(() => serverUrl(text)).toThrow("the control plane's address is not a URL");
  });
});
