import { expect, test } from '@jest/globals';
import { silentLogger } from '../../core/ports/logger.ts';
import { startUpdates } from './start-updates.ts';

test('an agent starts, runs and ends on a host that no group names, whatever its disk is like', async () => {
  const ending = new AbortController();
  const never = () => {
    throw new Error('nothing of this is for a host that follows no group');
  };
  const updates = await startUpdates({
    client: {
      server: new URL('http://127.0.0.1:1'),
      ca: undefined,
      send: never,
      sendBytes: never,
      headers: never,
      learnTime: never,
      close: never,
    },
    dataDirectory: '/dev/null/agent',
    version: '1',
    host: { connected: never, engineProblem: never },
    architecture: 'x64',
    bootId: 'b',
    uptime: never,
    now: never,
    random: never,
    restart: never,
    log: silentLogger,
    events: { add: never },
    onChange: never,
    signal: ending.signal,
  });
  updates.assign([]);
  await new Promise((resolve) => setImmediate(resolve));
  expect(updates.verdicts()).toEqual([]);
  ending.abort();
  await updates.close();
});
