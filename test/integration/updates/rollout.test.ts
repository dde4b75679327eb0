import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { CHECK, FAILED, rebooted, type ServedUpdates, serveUpdates, STEPS } from '../../support/updates/served-updates.ts';

/** Hosts in great number that speak Omaha and FleetLock to an embedded control plane over HTTP, all at once. */

jest.setTimeout(240_000);

const HOUR = 3_600_000;
let served: ServedUpdates;

beforeAll(async () => {
  served = await serveUpdates();
  for (const version of ['2.0.0', '3.0.0']) {
    const files = [{ name: 'update.gz', size: 1, sha256: '0'.repeat(64) }];
    await served.create('UpdatePackage', `os-${version}`, { version, url: 'https://files.example/', files });
  }
  await served.create('UpdateChannel', 'stable', { packages: { amd64: 'os-2.0.0' } });
});
afterAll(() => served.stop());

const hostsOf = (group: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${group}-${String(i).padStart(4, '0')}`);

/** So many requests at once. */
const AT_ONCE = 50;
async function all<T>(items: readonly T[], one: (item: T) => Promise<unknown>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < items.length) await one(items[next++]!);
    }),
  );
}

const statusOf = async (group: string) =>
  (await served.kube('GET', `/apis/terrane.dev/v1/updategroups/${group}`)).json.status as {
    underWay: number;
    completed: number;
    failed: number;
    halted?: { reason: string };
  };

test('500 hosts that ask, fetch, fail and reboot all at once: at no moment are more under way, and in no hour are more begun, than the group allows', async () => {
  const MAX = 120;
  await served.create('UpdateGroup', 'wide', {
    channel: 'stable',
    policy: { safeMode: false, maxUpdatesPerPeriod: MAX, period: '1h', updateTimeout: '3h' },
  });
  const left = new Set(hostsOf('wide', 500));
  const fails = new Set([...left].filter((_, i) => i % 37 === 0));
  let underWay = 0;
  let most = 0;
  for (let hour = 0; left.size > 0 && hour < 15; hour++) {
    let begun = 0;
    const waiting = left.size;
    await all([...left], async (host) => {
      const version = await served.omaha(host, '1.0.0', 'wide', CHECK);
      if (version === undefined) return;
      begun++;
      most = Math.max(most, ++underWay);
      for (const step of STEPS) await served.omaha(host, '1.0.0', 'wide', step);
      // It is under way until the server was told of its end.
      underWay--;
      if (fails.delete(host)) await served.omaha(host, '1.0.0', 'wide', FAILED);
      else {
        left.delete(host);
        await served.omaha(host, '2.0.0', 'wide', rebooted('1.0.0'));
      }
    });
    expect(begun).toBeLessThanOrEqual(MAX);
    // Nobody waits without need either.
    expect(begun).toBe(Math.min(MAX, waiting));
    await served.move(HOUR);
  }
  expect(left.size).toBe(0);
  expect(most).toBeLessThanOrEqual(MAX);
  expect(await statusOf('wide')).toMatchObject({ underWay: 0, completed: 500, failed: 14 });
});

test('in safe mode one host goes first, and its failure stops all others', async () => {
  await served.create('UpdateGroup', 'careful', { channel: 'stable', policy: { maxUpdatesPerPeriod: 50 } });
  const hosts = hostsOf('careful', 100);
  const given: string[] = [];
  const askAll = () =>
    all(hosts, async (host) => {
      if ((await served.omaha(host, '1.0.0', 'careful', CHECK)) !== undefined) given.push(host);
    });
  await askAll();
  expect(given).toHaveLength(1);
  await served.omaha(given[0]!, '1.0.0', 'careful', FAILED);
  await served.move(2 * HOUR);
  await askAll();
  expect(given).toHaveLength(1);
  expect((await statusOf('careful')).halted?.reason).toBe('FirstUpdateFailed');
});

test('a floor makes two steps of an update, for each host', async () => {
  const floors = [{ package: 'os-2.0.0', reason: 'migrates the disk' }];
  await served.create('UpdateChannel', 'edge', { packages: { amd64: 'os-3.0.0' }, floors });
  await served.create('UpdateGroup', 'floored', { channel: 'edge', policy: { safeMode: false, maxUpdatesPerPeriod: 100 } });
  await all(hostsOf('floored', 40), async (host) => {
    const steps: (string | undefined)[] = [];
    let version = '1.0.0';
    for (let i = 0; i < 3; i++) {
      const next = await served.omaha(host, version, 'floored', CHECK);
      steps.push(next);
      if (next !== undefined) await served.omaha(host, next, 'floored', rebooted(version));
      version = next ?? version;
    }
    expect(steps).toEqual(['2.0.0', '3.0.0', undefined]);
  });
  expect(await statusOf('floored')).toMatchObject({ completed: 40, failed: 0 });
});

test('a linear rollout follows its line', async () => {
  const { json } = await served.kube('GET', '/updates/groups/wide');
  expect(json.completed).toBe(500);
  const now = Date.parse((await statusAt()).lastTimestamp);
  const linear = { start: new Date(now).toISOString(), duration: '10h', frame: '1h' };
  await served.create('UpdateGroup', 'line', {
    channel: 'stable',
    policy: { safeMode: false, maxUpdatesPerPeriod: 1000, rollout: { linear } },
  });
  const waiting = new Set(hostsOf('line', 500));
  for (let frame = 1; frame <= 10; frame += 3) {
    await all([...waiting], async (host) => {
      if ((await served.omaha(host, '1.0.0', 'line', CHECK)) === undefined) return;
      waiting.delete(host);
      await served.omaha(host, '2.0.0', 'line', rebooted('1.0.0'));
    });
    // Who comes when is drawn by a hash, the same each time: within three deviations of the line.
    const deviation = Math.sqrt(500 * (frame / 10) * (1 - frame / 10));
    expect(Math.abs(500 - waiting.size - 50 * frame)).toBeLessThanOrEqual(3 * deviation);
    await served.move(3 * HOUR);
  }
  expect(waiting.size).toBe(0);
});

/** An Event of now: it has the server's time. */
async function statusAt(): Promise<{ lastTimestamp: string }> {
  await served.create('UpdateGroup', 'timer', { channel: 'stable', policy: { safeMode: false } });
  await served.omaha('timer', '1.0.0', 'timer', CHECK);
  const { json } = await served.kube('GET', '/api/v1/namespaces/default/events');
  return (json.items as { involvedObject: { name: string }; lastTimestamp: string }[]).find(
    ({ involvedObject }) => involvedObject.name === 'timer',
  )!;
}

test('50 hosts that want to reboot at once: exactly as many may as there are slots, until all have', async () => {
  const SLOTS = 3;
  await served.create('UpdateGroup', 'slots', { channel: 'stable', reboots: { max: SLOTS } });
  let holding = 0;
  let most = 0;
  let rounds = 0;
  const left = new Set(hostsOf('slots', 50));
  while (left.size > 0 && rounds++ < 30) {
    const granted: string[] = [];
    await Promise.all(
      [...left].map(async (host) => {
        const { status, text } = await served.fleetLock('pre-reboot', host, 'slots');
        if (status === 200) {
          granted.push(host);
          most = Math.max(most, ++holding);
        } else expect([status, JSON.parse(text)]).toMatchObject([409, { kind: 'failed_lock' }]);
      }),
    );
    expect(granted).toHaveLength(Math.min(SLOTS, left.size));
    await Promise.all(
      granted.map(async (host) => {
        holding--;
        expect((await served.fleetLock('steady-state', host, 'slots')).status).toBe(200);
        left.delete(host);
      }),
    );
  }
  expect([left.size, most]).toEqual([0, SLOTS]);
});
