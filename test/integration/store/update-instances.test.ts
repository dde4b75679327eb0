import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { EMBEDDED_TABLES } from '../../../store/dynamodb.ts';
import { dynamoUpdateInstances } from '../../../store/update-instances.ts';
import { type EmbeddedStore, embeddedStore } from './embedded-store.ts';

const T0 = Date.parse('2026-11-25T12:00:00Z');
const HOUR = 3_600_000;

let store: EmbeddedStore;
beforeAll(async () => {
  store = await embeddedStore();
});
afterAll(() => store.stop());

const host = (instance: string, at = T0) => ({
  application: 'acme/os',
  instance,
  group: 'uid-1',
  at,
  version: '1.0.0',
  arch: 'amd64',
  alias: instance,
  oem: '',
  ip: '192.0.2.1',
});

test('instances are shown for as long as they were to be kept after they were last seen, of their own cluster only', async () => {
  const clock = { at: T0, now: () => clock.at };
  const instances = dynamoUpdateInstances(store.client, EMBEDDED_TABLES.tenant, clock);
  const ids = async (cluster = 'c1') => (await instances.list('acme', cluster)).map(({ instance }) => instance);
  await instances.put('acme', 'c1', host('a'), HOUR);
  await instances.put('acme', 'c1', host('b'), 2 * HOUR);
  await instances.put('acme', 'c2', host('c'), 9 * HOUR);
  expect(await instances.list('acme', 'c1')).toEqual([host('a'), host('b')]);
  clock.at = T0 + HOUR - 1;
  expect(await ids()).toEqual(['a', 'b']);
  clock.at = T0 + HOUR;
  expect(await ids()).toEqual(['b']);
  // Whoever asks again is there again.
  await instances.put('acme', 'c1', host('a', clock.at), HOUR);
  clock.at = T0 + 2 * HOUR - 1;
  expect(await ids()).toEqual(['a', 'b']);
  clock.at = T0 + 3 * HOUR;
  expect([await ids(), await ids('c2')]).toEqual([[], ['c']]);
  await instances.delete('acme', 'c2', 'acme/os', 'c');
  expect(await ids('c2')).toEqual([]);
});
